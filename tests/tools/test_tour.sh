#!/bin/sh
# The commands of the README's tour work as printed, against a node that runs as scripts/run starts it.
set -u
top=${TELEREAD_SOURCE:-$(cd "$(dirname "$0")/../.." && pwd)}
teleread=${TELEREAD_BUILD:-$top/build}/teleread
for tool in storescu findscu getscu curl; do
	command -v $tool >/dev/null || { echo "1..0 # SKIP $tool is not installed"; exit 77; }
done
tmp=$(mktemp -d) || exit 1
node=
finish()
{
	[ -z "$node" ] || kill -TERM "$node" 2>/dev/null
	[ -z "$node" ] || wait "$node"
	rm -rf "$tmp"
}
trap finish EXIT

# as a newcomer stands: in the source folder, with build/ and demo-data below
mkdir "$tmp/here" "$tmp/here/build"
ln -s "$top/data" "$tmp/here/data"
ln -s "$teleread" "$tmp/here/build/teleread"
cd "$tmp/here" || exit 1
"$teleread" serve --demo --dicom-port 0 --http-port 0 --data demo-data >"$tmp/ready" 2>"$tmp/log" &
node=$!
for _ in $(seq 300); do
	grep -q '^ready ' "$tmp/ready" && break
	kill -0 $node 2>/dev/null || break
	sleep 0.1
done
port=$(sed -n 's/^ready dicom=[^ ]*:\([0-9]*\) .*/\1/p' "$tmp/ready")
http=$(sed -n 's/^ready .* http=[^ ]*:\([0-9]*\) .*/\1/p' "$tmp/ready")
if [ -z "$port" ]; then
	echo "not ok 1 - the demo node starts"
	sed 's/^/# /' "$tmp/log"
	exit 1
fi

# the commands of the README's second block
awk '/^```sh/ { block++; inside = 1; next } /^```/ { inside = 0 } block == 2 && inside && !/^#/ && NF' "$top/README.md" |
	sed "s/ 11112/ $port/g; s/:8104/:$http/g" >"$tmp/commands"
number=0 failed=0
expect() # WHAT TEXT-IN-THE-OUTPUT
{
	number=$((number + 1))
	command=$(sed -n "${number}p" "$tmp/commands")
	if [ -n "$command" ] && sh -c "$command" >"$tmp/out" 2>&1 && { [ -z "$2" ] || grep -q -- "$2" "$tmp/out"; }; then
		echo "ok $number - $1"
	else
		echo "not ok $number - $1: $command"
		sed 's/^/# /' "$tmp/out"
		failed=1
	fi
}
expect "storescu pushes the sample" ''
expect "findscu finds it and the demo studies" '1530.9.100'
expect "getscu retrieves the CT" ''
expect "teleread find finds the Chinese names" '演示^患者三'
expect "curl finds the demo studies" '"vr":"PN"'
expect "teleread settle settles all of it" ' 0 waiting, 0 under work, 0 given up, [1-9]'
expect "teleread export gives back what was received" 'failed 0'
expect "teleread fsck finds nothing wrong" ' 0 faults'
number=$((number + 1))
if [ "$(find got -type f | wc -l)" -eq 24 ] && [ "$(wc -l <"$tmp/commands")" -eq 8 ]; then
	echo "ok $number - 24 images were retrieved, and there are eight commands"
else
	echo "not ok $number - 24 images were retrieved, and there are eight commands"
	failed=1
fi
echo "1..$number"
exit $failed
