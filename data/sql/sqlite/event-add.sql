-- a decision, and what came of it
INSERT INTO event (seq, at, kind, study_uid, number, who, why, done, records, reason, pack, place, series_uid, sop_uid)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
