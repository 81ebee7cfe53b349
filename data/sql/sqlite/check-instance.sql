-- fsck: $1 SOP Instance UID -> where its row says the record is, and whether its bytes are read elsewhere by now
SELECT i.pack, i.at, i.part10_len, i.head_len, i.digest, COALESCE(i.sent, i.digest), COALESCE(p.pack <> i.pack OR p.at <> i.at, 0)
FROM instance i LEFT JOIN settled p ON p.seq = i.pk WHERE i.sop_uid = $1
