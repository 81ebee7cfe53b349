# Fuzz targets: fuzz_NAME.c with the entry point of libFuzzer, seeds below seeds/NAME. make check runs the seeds and
# fixed mutations of them through main.c. With CC=clang CXX=clang++ configure --with-fuzzer --enable-sanitize the same
# programs are fuzzers: tests/fuzz/fuzz_text NEW-CORPUS tests/fuzz/seeds/text
FUZZ_TARGETS = %D%/fuzz_config %D%/fuzz_text
FUZZ_SEEDS = %D%/seeds/config/defaults %D%/seeds/config/escapes %D%/seeds/config/odd \
	%D%/seeds/text/gb18030 %D%/seeds/text/jp %D%/seeds/text/marks %D%/seeds/text/names
check_PROGRAMS += $(FUZZ_TARGETS)
EXTRA_DIST += $(FUZZ_SEEDS) %D%/main.c
if FUZZER
AM_CFLAGS += -fsanitize=fuzzer-no-link
AM_CXXFLAGS += -fsanitize=fuzzer-no-link
FUZZ_MAIN =
FUZZ_LINK = $(AM_LDFLAGS) -fsanitize=fuzzer
else
FUZZ_MAIN = %D%/main.c
FUZZ_LINK = $(AM_LDFLAGS)
TESTS += $(FUZZ_TARGETS)
endif
tests_fuzz_fuzz_config_SOURCES = %D%/fuzz_config.c $(FUZZ_MAIN)
tests_fuzz_fuzz_config_LINK = $(CXXLINK) $(FUZZ_LINK)
tests_fuzz_fuzz_text_SOURCES = %D%/fuzz_text.c $(FUZZ_MAIN)
tests_fuzz_fuzz_text_LINK = $(CXXLINK) $(FUZZ_LINK)
