#!/bin/sh
# The sample configuration is what the program itself prints as the default, and the program accepts it.
set -u
top=${TELEREAD_SOURCE:-$(cd "$(dirname "$0")/../.." && pwd)}
teleread=${TELEREAD_BUILD:-$top/build}/teleread
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
failed=0

"$teleread" config default --data "$tmp" >"$tmp/default"
if cmp -s "$tmp/default" "$top/data/teleread.conf"; then
	echo "ok 1 - data/teleread.conf is up to date"
else
	echo "not ok 1 - data/teleread.conf is up to date (teleread config default > data/teleread.conf)"
	failed=1
fi
if "$teleread" config check --data "$tmp" --config "$top/data/teleread.conf" >/dev/null; then
	echo "ok 2 - and accepted"
else
	echo "not ok 2 - and accepted"
	failed=1
fi
echo "1..2"
exit $failed
