# Every SQL file, one a line: migrations NNNN-name.sql, then queries. They are built into the program (scripts/embed-sql).
SQL_SQLITE =
EXTRA_DIST += $(SQL_SQLITE)
