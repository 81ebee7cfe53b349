-- fsck: $1 SOP Instance UID, $2 digest -> is such an object in quarantine?
SELECT 1 FROM quarantine WHERE sop_uid = $1 AND digest = $2 LIMIT 1
