-- $1 pack, $2 where the record stands, or 0 for all of it, $3 its number, $4 bytes, $5 since when
INSERT OR IGNORE INTO reclaim (pack, at, seq, n, since) VALUES ($1, $2, $3, $4, $5)
