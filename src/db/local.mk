libcore_a_SOURCES += %D%/db.h %D%/driver.h %D%/db.c %D%/migrate.c %D%/pool.c %D%/sqlite.c
nodist_libcore_a_SOURCES += %D%/sql_files.c
CLEANFILES += %D%/sql_files.c
EXTRA_DIST += scripts/embed-sql
# The SQL files are listed in data/local.mk.
%D%/sql_files.c: $(SQL_SQLITE) scripts/embed-sql data/local.mk
	$(AM_V_GEN)$(MKDIR_P) %D% && $(SHELL) $(top_srcdir)/scripts/embed-sql $(srcdir) $(SQL_SQLITE) > $@.tmp && mv $@.tmp $@
