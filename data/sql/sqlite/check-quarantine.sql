-- fsck: $1 SOP Instance UID, $2 digest, $3 digest of what was sent, $4 sequence number -> is this record, or the identical
-- object, in quarantine, or is it (2) an instance under another UID than it came with? And are its bytes read elsewhere by now?
SELECT 1, EXISTS (SELECT 1 FROM settled p WHERE p.seq = q.seq AND p.seq = $4) FROM quarantine q
	WHERE q.sop_uid = $1 AND (q.digest = $2 OR COALESCE(q.sent, q.digest) = $3)
UNION ALL SELECT 1, EXISTS (SELECT 1 FROM settled p WHERE p.seq = $4) FROM quarantine WHERE seq = $4
UNION ALL SELECT 2, EXISTS (SELECT 1 FROM settled p WHERE p.seq = $4 AND (p.pack <> i.pack OR p.at <> i.at)) FROM instance i WHERE i.pk = $4 LIMIT 1
