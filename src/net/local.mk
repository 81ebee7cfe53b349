libcore_a_SOURCES += %D%/dimse.h %D%/dimse.c %D%/scu.h %D%/scu.c %D%/server.h %D%/server.c
libcore_a_SOURCES += %D%/http.h
