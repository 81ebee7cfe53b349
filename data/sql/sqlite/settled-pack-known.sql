-- $1 pack -> does the index, or an event of it, know this settled pack?
SELECT 1 FROM settled_pack WHERE pack = $1
UNION ALL SELECT 1 FROM settled WHERE home = $1
UNION ALL SELECT 1 FROM event WHERE kind = 'settle' AND number = $1 LIMIT 1
