libcore_a_SOURCES += %D%/action.c %D%/face.h %D%/face.c %D%/find.c %D%/get.c %D%/identifier.h %D%/identifier.c %D%/move.c \
	%D%/negotiate.c %D%/offer.h %D%/offer.c %D%/report.h %D%/report.c %D%/reporter.c \
	%D%/retrieve.h %D%/retrieve.c %D%/send.h %D%/send.c %D%/session.h %D%/store.c
libcore_a_SOURCES += %D%/conform.h %D%/conform.c
libcore_a_SOURCES += %D%/call.h %D%/call.c
