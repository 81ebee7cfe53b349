libcore_a_SOURCES += %D%/charset.h %D%/dict.h %D%/dset.h %D%/part10.h %D%/scan.h 
