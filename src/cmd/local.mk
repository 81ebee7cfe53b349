bin_PROGRAMS += teleread
teleread_SOURCES = %D%/main.c %D%/cmd.h %D%/common.c %D%/progress.c %D%/config.c %D%/site.c %D%/peer.c %D%/find.c \
	%D%/alerts.c %D%/audit.c %D%/since.h %D%/since.c %D%/backup.c %D%/check.c %D%/commitment.c %D%/decision.c %D%/decision.h %D%/drop.c %D%/quarantine.c \
	%D%/export.c %D%/import.c %D%/import.h %D%/import_walk.c %D%/import_file.c %D%/import_file.h \
	%D%/control.c %D%/control.h %D%/serve.c %D%/node.c %D%/node.h %D%/demo.c %D%/demo.h
teleread_SOURCES += %D%/statement.h %D%/statement.c %D%/statement_text.c
teleread_SOURCES += %D%/holder.h %D%/holder.c %D%/token.c %D%/user.c %D%/first.h %D%/first.c
teleread_SOURCES += %D%/settle.c %D%/settler.h %D%/settler_own.h %D%/settler.c %D%/settler_crew.c %D%/settler_count.c \
	%D%/settler_series.c %D%/settler_instance.c %D%/settler_extra.c
teleread_LINK = $(CXXLINK)
