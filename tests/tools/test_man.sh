#!/bin/sh
# Each subcommand has a page in man/ that names the options which --help names, no more and no less; each setting has its
# entry in teleread.conf(5); the pages are well-formed where mandoc can say so.
set -u
top=${TELEREAD_SOURCE:-$(cd "$(dirname "$0")/../.." && pwd)}
teleread=${TELEREAD_BUILD:-$top/build}/teleread
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
number=0 failed=0

result() # STATUS WHAT
{
	number=$((number + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $number - $2"
	else
		echo "not ok $number - $2"
		failed=1
	fi
}
options_of_help() { "$teleread" "$@" --help | grep -o -- '^ *\(-[a-z], \)\{0,1\}--[a-z][a-z-]*' | sed 's/.*--//'; }
verbs_of() { "$teleread" "$1" --help | sed -n '/^Verbs:/,/^$/s/^  \([a-z]*\) .*/\1/p'; }

"$teleread" --help | sed -n '/^Subcommands:/,/^$/s/^  \([a-z]*\) .*/\1/p' >"$tmp/subcommands"
[ "$(wc -l <"$tmp/subcommands")" -ge 5 ]
result $? "teleread --help lists the subcommands"

while read -r sub; do
	grep -q "^\.It Cm $sub\b" "$top/man/teleread.1"
	result $? "teleread(1) names $sub"
	case $sub in help | version) continue ;; esac
	page=$top/man/teleread-$sub.1
	verbs=$(verbs_of "$sub")
	if [ -n "$verbs" ]; then
		for verb in $verbs; do
			options_of_help "$sub" "$verb"
			grep -q "^\.Cm $sub $verb\b" "$page" || echo "verb-$verb-is-not-in-the-page"
		done
	else
		options_of_help "$sub"
	fi | sort -u >"$tmp/help"
	sed -n 's/^\.It Fl -\([a-z-]*\).*/\1/p' "$page" | sort -u >"$tmp/page"
	diff "$tmp/help" "$tmp/page" >"$tmp/diff" && [ -s "$tmp/help" ]
	result $? "teleread-$sub(1) and --help name the same options"
	sed 's/^/# /' "$tmp/diff"
done <"$tmp/subcommands"

"$teleread" config default --data "$tmp" | sed -n 's/^#\([a-z_]*\) = .*/\1/p; s/^\[\([a-z]*\)\]/[\1]/p' >"$tmp/help"
sed -n 's/^\.It Cm \([a-z_]*\)$/\1/p; s/^\.Ss \(\[[a-z]*\]\)/\1/p' "$top/man/teleread.conf.5" >"$tmp/page"
diff "$tmp/help" "$tmp/page" >"$tmp/diff" && [ -s "$tmp/help" ]
result $? "teleread.conf(5) has every setting, in the same order"
sed 's/^/# /' "$tmp/diff"

# What a reader sees: the synopsis names the subcommand in every line that begins a command, whoever sets the page.
synopsis() # SETTER PAGE
{
	case $1 in
	mandoc) mandoc -T ascii "$2" ;;
	man) MANWIDTH=100 MANPAGER=cat man -l "$2" 2>/dev/null ;;
	esac | sed "s/.$(printf '\b')//g" | sed -n '/^SYNOPSIS/,/^DESCRIPTION/s/^ *teleread/teleread/p'
}
for setter in mandoc man; do
	# man-db's man only: another may not take -l. In a trimmed container it is a stub that prints no page.
	page=$top/man/teleread-site.1
	if ! command -v $setter >/dev/null || [ -z "$(synopsis $setter "$page")" ]; then
		number=$((number + 1))
		echo "ok $number - the synopsis as $setter prints it # SKIP $setter cannot print pages here"
		continue
	fi
	while read -r sub; do
		case $sub in help | version) continue ;; esac
		page=$top/man/teleread-$sub.1
		verbs=$(verbs_of "$sub")
		synopsis $setter "$page" >"$tmp/synopsis"
		[ -s "$tmp/synopsis" ] && ! grep -v "^teleread $sub\b" "$tmp/synopsis" >"$tmp/diff"
		status=$?
		for verb in $verbs; do
			grep -q "^teleread $sub $verb\b" "$tmp/synopsis" || status=1
		done
		result $status "teleread-$sub(1) as $setter prints it: each command of the synopsis is whole"
		[ $status -eq 0 ] || sed 's/^/# /' "$tmp/synopsis"
	done <"$tmp/subcommands"
done

if command -v mandoc >/dev/null; then
	mandoc -T lint -W warning "$top"/man/*.[1-8] >"$tmp/lint"
	result $? "mandoc finds nothing wrong"
	sed 's/^/# /' "$tmp/lint"
else
	number=$((number + 1))
	echo "ok $number - mandoc finds nothing wrong # SKIP mandoc is not installed"
fi
echo "1..$number"
exit $failed
