libcore_a_SOURCES += %D%/alert.h %D%/auto.h %D%/buf.h %D%/clock.h %D%/config.h %D%/config_value.h %D%/err.def %D%/err.h %D%/log.h \
	%D%/metrics.h %D%/text.h %D%/utf8.h \
	%D%/alert.c %D%/buf.c %D%/clock.c %D%/config.c %D%/config_value.c %D%/err.c %D%/log.c %D%/metrics.c %D%/text.c %D%/text_iconv.c
