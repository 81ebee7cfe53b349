-- an instance; its key is its sequence number
INSERT INTO instance (pk, sop_uid, series, class, syntax, number, pack, at, part10_len, head_len, digest, seq, received, attrs,
	sent)
VALUES ($11, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
