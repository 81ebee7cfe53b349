libcore_a_SOURCES += %D%/face.h 
