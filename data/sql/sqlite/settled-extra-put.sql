-- $1 pack, $2 kind, $3 where its record stands
INSERT OR REPLACE INTO settled_extra (pack, kind, at) VALUES ($1, $2, $3)
