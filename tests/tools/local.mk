# the house tools and their own tests, the pages, the samples
dist_check_SCRIPTS += %D%/test_floors.sh %D%/test_tally.sh %D%/test_man.sh %D%/test_sample.sh %D%/test_tour.sh scripts/check-floors.sh
TESTS += %D%/test_floors.sh %D%/test_tally.sh %D%/test_man.sh %D%/test_sample.sh %D%/test_tour.sh scripts/check-floors.sh
