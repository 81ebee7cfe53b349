libcore_a_SOURCES += %D%/transcode.h %D%/transcode.c
libcore_a_SOURCES += %D%/render.h
