libcore_a_SOURCES += %D%/transcode.h 
