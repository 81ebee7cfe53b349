#!/bin/sh
# teleread-codecs(7) says what the table of the codecs says. With TELEREAD_UPDATE=1 it is written anew.
set -u
bad=0
top=${TELEREAD_SOURCE:-$(cd "$(dirname "$0")/../.." && pwd)}
maker=${TELEREAD_BUILD:-$top/build}/tests/tools/codecs_page
page=$top/man/teleread-codecs.7
tmp=$(mktemp) || exit 1
trap 'rm -f "$tmp"' EXIT

echo 1..2
if ! "$maker" >"$tmp"; then
	echo "not ok 1 - $maker runs"
	exit 1
fi
[ "${TELEREAD_UPDATE:-}" != 1 ] || cp "$tmp" "$page" || exit 1
if diff "$page" "$tmp" | sed 's/^/# /' && cmp -s "$page" "$tmp"; then
	echo "ok 1 - the page is current"
else
	echo "not ok 1 - the page is not current: make check TESTS=tests/tools/test_codecs.sh TELEREAD_UPDATE=1"
	bad=1
fi
empty=$(sed -n 's/.*Bits Stored \([0-9]*\) to \([0-9]*\).*/\1 \2/p' "$tmp" | awk '$1 > $2')
if grep -q 'Bits Stored' "$tmp" && [ -z "$empty" ]; then
	echo "ok 2 - each line is about some pixels"
else
	echo "not ok 2 - a line is about no pixels: Bits Stored from $empty"
	bad=1
fi
exit $bad
