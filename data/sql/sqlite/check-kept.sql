-- fsck: $1 pk, $2 sequence number -> the next rows of quarantine behind that pk, none with a later number
SELECT q.pk, q.sop_uid, COALESCE(p.pack, q.pack), COALESCE(p.at, q.at), q.seq FROM quarantine q LEFT JOIN settled p ON p.seq = q.seq
WHERE q.pk > $1 AND q.seq <= $2 ORDER BY q.pk LIMIT 500
