libcore_a_SOURCES += %D%/dimse.h %D%/scu.h %D%/server.h 
