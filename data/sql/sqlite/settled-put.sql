-- a record's bytes lie there from now on: $1 its number, $2 pack, $3 offset, $4 and $5 lengths of the Part 10 file and its head, $6 key
-- of its syntax, $7 digest, $8 length of the appendix, $9 the settled pack that says so
INSERT OR REPLACE INTO settled (seq, pack, at, part10_len, head_len, syntax, digest, appendix_len, home)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
