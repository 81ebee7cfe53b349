libcore_a_SOURCES += %D%/dimse.h %D%/dimse.c %D%/scu.h %D%/scu.c %D%/server.h %D%/server.c
libcore_a_SOURCES += %D%/listen.h %D%/listen.c %D%/http.h %D%/http_private.h %D%/http.c %D%/http_conn.c %D%/http_head.c \
	%D%/http_exchange.c %D%/http_body.c %D%/http_reply.c %D%/http_workers.c %D%/http_watch.c
libcore_a_SOURCES += %D%/mime.h %D%/mime.c %D%/multipart.h %D%/multipart.c
