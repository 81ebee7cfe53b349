# what scripts/bench runs; its programs are built by `make bench-tools`, never by default
EXTRA_PROGRAMS = tests/bench/getload tests/bench/bigload tests/bench/findload tests/bench/stowload tests/bench/codecload \
	tests/bench/codecpeer
tests_bench_getload_SOURCES = %D%/getload.c %D%/upper.c %D%/upper.h
tests_bench_getload_LDADD = -lpthread
tests_bench_bigload_SOURCES = %D%/bigload.c %D%/upper.c %D%/upper.h
tests_bench_bigload_LDADD = -lpthread
tests_bench_findload_SOURCES = %D%/findload.c %D%/upper.c %D%/upper.h
tests_bench_findload_LDADD = -lpthread
tests_bench_stowload_SOURCES = %D%/stowload.c
tests_bench_stowload_LDADD = -lpthread
tests_bench_codecload_SOURCES = %D%/codecload.c %D%/pgm.h
tests_bench_codecload_LINK = $(CXXLINK)
tests_bench_codecpeer_SOURCES = %D%/codecpeer.cpp %D%/pgm.h
tests_bench_codecpeer_LDADD = $(CODEC_LIBS) -lopenjph
CLEANFILES += $(EXTRA_PROGRAMS)
EXTRA_DIST += scripts/bench %D%/common.py %D%/bench_store.py %D%/bench_find.py %D%/bench_get.py %D%/bench_memory.py \
	%D%/bench_durability.py %D%/bench_profile.py \
	%D%/bench_web.py %D%/bench_codec.py %D%/bench_settle.py %D%/bench_frames.py %D%/frames.lua %D%/tiles.py
.PHONY: bench-tools
bench-tools: $(EXTRA_PROGRAMS)
