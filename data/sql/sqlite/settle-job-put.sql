-- $1 series UID, $2 state, $3 instances, $4 of them not settled, $5 bytes of those, $6 and $7 bytes as all came and as they are, $8
-- last arrival. What failed waits again when there is something else now.
INSERT INTO settle_job (series_uid, state, instances, waiting, open, received, kept, newest, due, lease, owner, ticket, tries, why)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, 0, 0, 0, 0, '')
ON CONFLICT (series_uid) DO UPDATE SET
	tries = CASE WHEN newest <> $8 OR instances <> $3 THEN 0 ELSE tries END,
	due = CASE WHEN newest <> $8 OR instances <> $3 THEN 0 ELSE due END,
	why = CASE WHEN newest <> $8 OR instances <> $3 THEN '' ELSE why END,
	state = CASE WHEN $2 = 1 AND state = 2 AND newest = $8 AND instances = $3 THEN 2 ELSE $2 END,
	instances = $3, waiting = $4, open = $5, received = $6, kept = $7, newest = $8
