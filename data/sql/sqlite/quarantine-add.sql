-- a record that is kept out of sight, and why
INSERT INTO quarantine (seq, site, sop_uid, study_uid, series_uid, class, syntax, reason, pack, at, part10_len, head_len,
	digest, aet, received, sent, kind)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
