#!/bin/sh
# teleread-codecs(7) says what the table of the codecs says. With TELEREAD_UPDATE=1 it is written anew.
set -u
top=${TELEREAD_SOURCE:-$(cd "$(dirname "$0")/../.." && pwd)}
maker=${TELEREAD_BUILD:-$top/build}/tests/tools/codecs_page
page=$top/man/teleread-codecs.7
tmp=$(mktemp) || exit 1
trap 'rm -f "$tmp"' EXIT

echo 1..1
if ! "$maker" >"$tmp"; then
	echo "not ok 1 - $maker runs"
	exit 1
fi
[ "${TELEREAD_UPDATE:-}" != 1 ] || cp "$tmp" "$page" || exit 1
if diff "$page" "$tmp" | sed 's/^/# /' && cmp -s "$page" "$tmp"; then
	echo "ok 1 - the page is current"
else
	echo "not ok 1 - the page is not current: make check TESTS=tests/tools/test_codecs.sh TELEREAD_UPDATE=1"
	exit 1
fi
