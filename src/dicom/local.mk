libcore_a_SOURCES += %D%/charset.h %D%/charset_2022.h %D%/charset_set.h %D%/dict.h %D%/dict_table.h %D%/dset.h %D%/part10.h %D%/scan.h %D%/pixels.h %D%/source.h %D%/appendix.h
libcore_a_SOURCES += %D%/dset_tree.h
libcore_a_SOURCES += %D%/appendix.c
libcore_a_SOURCES += %D%/charset.c %D%/charset_2022.c %D%/charset_judge.c %D%/charset_set.c %D%/dict.c %D%/dict_setup.c %D%/dset.c %D%/dset_charset.c %D%/dset_write.c %D%/part10.c %D%/scan.c %D%/uid.c
libcore_a_SOURCES += %D%/coerce.h %D%/coerce.c %D%/coerce_rules.c %D%/coerce_value.h %D%/coerce_value.c
libcore_a_SOURCES += %D%/model.h %D%/model_format.h %D%/model.c %D%/model_json.c %D%/model_judge.c %D%/model_value.c %D%/model_xml.c
libcore_a_SOURCES += %D%/model_read.h %D%/model_read.c %D%/model_read_value.c %D%/model_read_xml.c %D%/model_split.c %D%/model_tree.h
