-- fsck: $1 SOP Instance UID -> where its row says the record is
SELECT pack, at, part10_len, head_len, digest, COALESCE(sent, digest) FROM instance WHERE sop_uid = $1
