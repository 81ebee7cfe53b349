# the house tools and their own tests
dist_check_SCRIPTS += %D%/test_floors.sh %D%/test_tally.sh scripts/check-floors.sh
TESTS += %D%/test_floors.sh %D%/test_tally.sh
