libcore_a_SOURCES += %D%/access.h %D%/audit.h
