libcore_a_SOURCES += %D%/auto.h %D%/buf.h %D%/clock.h %D%/config.h %D%/err.def %D%/err.h %D%/log.h %D%/metrics.h %D%/text.h  %D%/err.c
