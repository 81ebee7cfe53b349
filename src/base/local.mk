libcore_a_SOURCES += %D%/alert.h %D%/auto.h %D%/buf.h %D%/clock.h %D%/config.h %D%/config_value.h %D%/err.def %D%/err.h %D%/log.h \
	%D%/metrics.h %D%/text.h %D%/utf8.h \
	%D%/alert.c %D%/buf.c %D%/clock.c %D%/config.c %D%/config_value.c %D%/err.c %D%/log.c %D%/metrics.c %D%/text.c %D%/text_iconv.c
libcore_a_SOURCES += %D%/write.h %D%/write.c
libcore_a_SOURCES += %D%/config_rules.h %D%/config_rules.c
# Tables of characters are text (data/local.mk), read at the first use.
libcore_a_SOURCES += %D%/han.c %D%/han.h %D%/han_tables.h %D%/pinyin.c %D%/pinyin.h
nodist_libcore_a_SOURCES += %D%/han_tables.c
CLEANFILES += %D%/han_tables.c
EXTRA_DIST += scripts/embed-text
%D%/han_tables.c: $(HAN_TABLES) scripts/embed-text
	$(AM_V_GEN)$(MKDIR_P) %D% && $(SHELL) $(top_srcdir)/scripts/embed-text $(srcdir) han_fold_text=data/text/han-fold.txt \
		pinyin_text=data/text/pinyin.txt > $@.tmp && mv $@.tmp $@
