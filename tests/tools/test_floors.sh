#!/bin/sh
# The include check must fail on each kind of wrong include, and name it.
set -u
check=$(cd "$(dirname "$0")/../.." && pwd)/scripts/check-floors.sh
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
number=0 failed=0

# tree FILE LINE: a house of two right files, and FILE with one include line
tree()
{
	rm -rf "$tmp/t"
	mkdir -p "$tmp/t/src/base" "$tmp/t/src/net" "$tmp/t/shim" "$tmp/t/$(dirname "$1")"
	echo '#include "base/err.h"' >"$tmp/t/src/net/right.c"
	echo '#include <dcmtk/config/osconfig.h>' >"$tmp/t/shim/right.cpp"
	printf '%s\n' "$2" >>"$tmp/t/$1"
}
expect() # WHAT(pass|fail) FILE LINE [TEXT]
{
	number=$((number + 1))
	tree "$2" "$3"
	if out=$("$check" "$tmp/t" 2>&1); then got=pass; else got=fail; fi
	if [ $got = "$1" ] && case $out in *"${4-}"*) true ;; *) false ;; esac; then
		echo "ok $number - $1: $2: $3"
	else
		echo "not ok $number - $1: $2: $3"
		echo "# $out"
		failed=1
	fi
}

expect pass src/archive/a.c '#include "dicom/dset.h"'
expect pass src/archive/a.c '#include "archive/blob.h"'
expect pass src/net/a.c '#include "shim/shim.h"'
expect pass src/net/a.c '#include <stdio.h>'
expect pass src/db/a.c '#include <sqlite3.h>'
expect pass shim/a.cpp '#include <string>'
expect pass src/cmd/a.c '#include "config.h"'
expect fail src/base/a.c '#include "net/server.h"' 'base [1] must not look into net [2]'
expect fail src/base/a.c '#include "shim/shim.h"' 'must not look into shim'
expect fail src/dicom/a.h '#  include "db/db.h"' 'dicom [2] must not look into db [2]'
expect fail src/imaging/a.c '#include "archive/query.h"' 'must not look into archive'
expect fail src/archive/a.c '#include "cmd/cmd.h"' 'must not look into cmd'
expect fail shim/a.cpp '#include "base/err.h"' 'shim [1] must not look into base [1]'
expect fail src/net/a.c '#include "server.h"' 'room/file.h'
expect fail src/net/a.c '#include "../base/err.h"' 'without dots'
expect fail src/net/a.c '#include "attic/x.h"' 'not a room'
expect fail src/attic/a.c '#include <stdio.h>' 'not a room'
expect fail src/net/a.c '#include <string>' 'C++ stays in shim'
expect fail shim/a.h '#include <memory>' 'C++ stays in shim'
expect fail src/net/a.cpp '#include <stdio.h>' 'C++ source outside shim'
expect fail src/net/a.c '#include <dcmtk/dcmnet/assoc.h>' 'only shim/ sees DCMTK'
expect fail src/net/a.c '#include "dcmtk/dcmnet/assoc.h"' 'only shim/ sees DCMTK'
expect fail src/archive/a.c '#include <sqlite3.h>' 'only db/ sees a database'
expect fail src/cmd/a.c '#include "archive/blob.h"' 'drivers of archive/ only'
expect fail src/net/a.c '#include SOME_MACRO' 'cannot read'

number=$((number + 1))
mkdir -p "$tmp/empty/src" "$tmp/empty/shim"
if "$check" "$tmp/empty" >/dev/null 2>&1; then
	echo "not ok $number - an empty tree must not pass"
	failed=1
else
	echo "ok $number - an empty tree does not pass"
fi
echo "1..$number"
exit $failed
