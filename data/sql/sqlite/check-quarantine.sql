-- fsck: $1 SOP Instance UID, $2 digest, $3 digest of what was sent, $4 sequence number -> is this record, or the identical
-- object, in quarantine, or is it (2) an instance under another UID than it came with?
SELECT 1 FROM quarantine WHERE sop_uid = $1 AND (digest = $2 OR COALESCE(sent, digest) = $3)
UNION ALL SELECT 1 FROM quarantine WHERE seq = $4
UNION ALL SELECT 2 FROM instance WHERE pk = $4 LIMIT 1
