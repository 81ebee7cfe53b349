-- backup: $1 sequence number, $2 pack, $3 where its record stands, $4 where its bytes begin, $5 digest, $6 time of receipt -> does
-- the index refer to it
SELECT 1 FROM instance WHERE pk = $1 AND pack = $2 AND at = $4 AND digest = $5
UNION ALL SELECT 1 FROM quarantine WHERE seq = $1 AND pack = $2 AND at = $4 AND digest = $5
UNION ALL SELECT 1 FROM event WHERE seq = $1 AND pack = $2 AND place = $3 AND at = $6
