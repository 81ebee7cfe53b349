-- fsck: $1 pk, $2 sequence number -> the next rows behind that pk, none with a later number
SELECT i.pk, i.sop_uid, COALESCE(p.pack, i.pack), COALESCE(p.at, i.at) FROM instance i LEFT JOIN settled p ON p.seq = i.pk
WHERE i.pk > $1 AND i.seq <= $2 ORDER BY i.pk LIMIT 500
