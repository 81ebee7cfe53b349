#!/bin/sh
# The sum of scripts/test: TAP lines one by one, other programs once each, crashes as failures.
set -u
tally=$(cd "$(dirname "$0")/../.." && pwd)/scripts/tally
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
number=0 failed=0

result() # NAME RESULT LOG
{
	printf ':test-result: %s x\n:recheck: no\n' "$2" >"$tmp/$1.trs"
	printf '%b' "$3" >"$tmp/$1.log"
}
expect() # STATUS LINE WHY
{
	number=$((number + 1))
	out=$("$tally" "$tmp" 2>/dev/null)
	status=$?
	if [ $status -eq "$1" ] && [ "$out" = "$2" ]; then
		echo "ok $number - $3"
	else
		echo "not ok $number - $3: \"$out\", status $status"
		failed=1
	fi
}

expect 1 "0 passed, 1 failed" "no results at all is a failure"
result plain PASS 'hello\n'
expect 0 "1 passed, 0 failed" "a program without TAP lines counts once"
result tap PASS '1..3\nok 1 - a\nok 2 - b # SKIP no data\nnot ok 3 # SKIP c\nokay\n'
expect 0 "2 passed, 0 failed, 2 skipped" "TAP lines count one by one"
result skip SKIP 'no orthanc here\n'
expect 0 "2 passed, 0 failed, 3 skipped" "a skipped program counts once"
result bad FAIL 'ok 1 - a\nnot ok 2 - b\n'
expect 1 "3 passed, 1 failed, 3 skipped" "a failed line"
result crash FAIL 'ok 1 - a\n'
expect 1 "4 passed, 2 failed, 3 skipped" "a crash adds a failure"
result lost ERROR ''
expect 1 "4 passed, 3 failed, 3 skipped" "an error counts as a failure"
echo "1..$number"
exit $failed
