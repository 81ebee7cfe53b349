-- $1 study UID, $2 and $3 first and last sequence number, $4 most: what was dropped of it and waits, in order of arrival
SELECT pk, seq, site, pack, at, kind, study_uid, sop_uid, gone FROM quarantine
WHERE study_uid = $1 AND kind = 'dropped' AND gone = 0 AND seq >= $2 AND seq <= $3 ORDER BY seq LIMIT $4
