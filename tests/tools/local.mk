# the house tools and their own tests, the pages, the samples
dist_check_SCRIPTS += %D%/test_floors.sh %D%/test_tally.sh %D%/test_man.sh %D%/test_sample.sh %D%/test_tour.sh scripts/check-floors.sh
TESTS += %D%/test_floors.sh %D%/test_tally.sh %D%/test_man.sh %D%/test_sample.sh %D%/test_tour.sh scripts/check-floors.sh
# the table of hard points is made of what the tests before it left
dist_check_SCRIPTS += %D%/test_traps.py
TESTS += %D%/test_traps.py
EXTRA_DIST += %D%/traps.py tests/traps.md
if !FUZZER
TRAPS_LOG = %D%/test_traps.py.log # a name, for a rule of this target would take the place of automake's
$(TRAPS_LOG): $(check_PROGRAMS:=.log) $(SYSTEM_TESTS:=.log)
endif
# the page of the codecs is made of their table
CHECK_TOOLS += %D%/codecs_page
tests_tools_codecs_page_LINK = $(CXXLINK)
dist_check_SCRIPTS += %D%/test_codecs.sh
TESTS += %D%/test_codecs.sh
