libcore_a_SOURCES += %D%/transcode.h %D%/transcode.c
libcore_a_SOURCES += %D%/render.h %D%/render.c %D%/picture.h %D%/picture.c %D%/gate.h %D%/gate.c
