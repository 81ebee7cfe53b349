libcore_a_SOURCES += %D%/web.h %D%/exchange.h %D%/accept.h %D%/url.h %D%/reply.h
libcore_a_SOURCES += %D%/transcoded.h %D%/transcoded.c
