-- $1 SOP Instance UID -> its class and site, and where its bytes are
SELECT u.uid, s.site, coalesce(p.pack, i.pack), coalesce(p.at, i.at), coalesce(p.part10_len, i.part10_len),
	coalesce(p.head_len, i.head_len), coalesce(p.digest, i.digest)
FROM instance i JOIN uid u ON u.pk = i.class JOIN series e ON e.pk = i.series JOIN study s ON s.pk = e.study
LEFT JOIN settled p ON p.seq = i.pk
WHERE i.sop_uid = $1
