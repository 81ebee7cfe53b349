-- backup: $1 sequence number, $2 pack, $3 where its record stands, $4 where its bytes begin, $5 digest, $6 time of receipt -> does
-- the index refer to it? What a settled record stands for may be gone.
SELECT 1 FROM instance i WHERE i.pk = $1 AND i.pack = $2 AND i.at = $4 AND i.digest = $5
	AND NOT EXISTS (SELECT 1 FROM settled p WHERE p.seq = i.pk AND (p.pack <> $2 OR p.at <> $4))
UNION ALL SELECT 1 FROM quarantine q WHERE q.seq = $1 AND q.pack = $2 AND q.at = $4 AND q.digest = $5
	AND NOT EXISTS (SELECT 1 FROM settled p WHERE p.seq = q.seq AND (p.pack <> $2 OR p.at <> $4))
UNION ALL SELECT 1 FROM settled WHERE seq = $1 AND pack = $2 AND at = $4 AND digest = $5
UNION ALL SELECT 1 FROM event WHERE seq = $1 AND pack = $2 AND place = $3 AND at = $6
