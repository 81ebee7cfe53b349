# what scripts/bench runs; its programs are built by `make bench-tools`, never by default
EXTRA_PROGRAMS = tests/bench/getload tests/bench/bigload tests/bench/findload tests/bench/stowload
tests_bench_getload_SOURCES = %D%/getload.c %D%/upper.c %D%/upper.h
tests_bench_getload_LDADD = -lpthread
tests_bench_bigload_SOURCES = %D%/bigload.c %D%/upper.c %D%/upper.h
tests_bench_bigload_LDADD = -lpthread
tests_bench_findload_SOURCES = %D%/findload.c %D%/upper.c %D%/upper.h
tests_bench_findload_LDADD = -lpthread
tests_bench_stowload_SOURCES = %D%/stowload.c
tests_bench_stowload_LDADD = -lpthread
CLEANFILES += $(EXTRA_PROGRAMS)
EXTRA_DIST += scripts/bench %D%/common.py %D%/bench_store.py %D%/bench_find.py %D%/bench_get.py %D%/bench_memory.py \
	%D%/bench_durability.py %D%/bench_profile.py \
	%D%/bench_web.py %D%/frames.lua %D%/tiles.py
.PHONY: bench-tools
bench-tools: $(EXTRA_PROGRAMS)
