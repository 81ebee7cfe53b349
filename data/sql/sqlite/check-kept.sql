-- fsck: $1 pk, $2 sequence number -> the next rows of quarantine behind that pk, none with a later number
SELECT pk, sop_uid, pack, at, seq FROM quarantine WHERE pk > $1 AND seq <= $2 ORDER BY pk LIMIT 500
