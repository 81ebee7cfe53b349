-- fsck: $1 SOP Instance UID, $2 digest, $3 digest of what was sent -> is such an object in quarantine?
SELECT 1 FROM quarantine WHERE sop_uid = $1 AND (digest = $2 OR COALESCE(sent, digest) = $3) LIMIT 1
