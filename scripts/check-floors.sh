#!/bin/sh
# check-floors - reads the #include lines below src/ and shim/ and names every one that breaks a rule of the house.
#
#   scripts/check-floors.sh [TOP]
#
# A file includes headers of lower floors and of its own room only, written from src/ ("room/file.h"); rooms of one floor
# never meet. Only shim/ sees C++ and DCMTK, only db/ sees a database's own header, archive/blob.h stays in archive/.
# Exit status 1 when something was found.
set -eu
top=${1:-$(dirname "$0")/..}
cd "$top"
[ -d src ] && [ -d shim ] || { echo "check-floors: no src/ and shim/ in $top" >&2; exit 2; }

find src shim -type f \( -name '*.c' -o -name '*.h' -o -name '*.cpp' -o -name '*.hpp' -o -name '*.cc' -o -name '*.cxx' \) |
sort | awk '
	BEGIN {
		rooms = "shim 1 base 1 dicom 2 db 2 net 2 archive 3 imaging 3 desk 4 link 4 access 4 dimse 5 web 5 qa 5 cmd 6"
		n = split(rooms, word, " ")
		for (i = 1; i < n; i += 2)
			floor[word[i]] = word[i + 1]
	}
	function wrong(text) { print file ":" at ": " text; found = 1 }

	function quoted(header,    part, room) {
		if (header ~ /(^|\/)\.\.?\//)
			return wrong("\"" header "\": write includes from src/, without dots")
		if (header == "config.h")
			return
		if (header ~ /^dcmtk\//)
			return own == "shim" ? 0 : wrong("\"" header "\": only shim/ sees DCMTK")
		if (split(header, part, "/") < 2)
			return wrong("\"" header "\": write includes from src/, as \"room/file.h\"")
		room = part[1]
		if (!(room in floor))
			return wrong("\"" header "\": " room "/ is not a room of the house")
		if (room != own && floor[room] >= floor[own])
			return wrong("\"" header "\": " own " [" floor[own] "] must not look into " room " [" floor[room] "]")
		if (header == "archive/blob.h" && own != "archive")
			return wrong("\"" header "\": for drivers of archive/ only")
	}
	function angled(header) {
		if (own != "shim" && header ~ /^dcmtk\//)
			wrong("<" header ">: only shim/ sees DCMTK")
		else if (header !~ /\.h$/ && (own != "shim" || file ~ /\.[ch]$/))
			wrong("<" header ">: C++ stays in shim/*.cpp")
		if (own != "db" && header ~ /^(sqlite3|libpq-fe|postgresql\/libpq-fe)\.h$/)
			wrong("<" header ">: only db/ sees a database")
	}
	{
		file = $0
		at = 0
		split(file, step, "/")
		own = step[1] == "shim" ? "shim" : step[2]
		if (!(own in floor)) {
			wrong(own "/ is not a room of the house")
			next
		}
		if (own != "shim" && file !~ /\.[ch]$/)
			wrong("C++ source outside shim/")
		while ((getline line < file) > 0) {
			at++
			if (line !~ /^[ \t]*#[ \t]*include/)
				continue
			if (match(line, /"[^"]*"/))
				quoted(substr(line, RSTART + 1, RLENGTH - 2))
			else if (match(line, /<[^>]*>/))
				angled(substr(line, RSTART + 1, RLENGTH - 2))
			else
				wrong("an include that this check cannot read: " line)
		}
		close(file)
		seen++
	}
	END {
		if (!seen) {
			print "no source files found"
			found = 1
		}
		exit found
	}'
