-- $1 SOP Instance UID -> its class and site, and where its bytes are
SELECT u.uid, s.site, i.pack, i.at, i.part10_len, i.head_len, i.digest
FROM instance i JOIN uid u ON u.pk = i.class JOIN series e ON e.pk = i.series JOIN study s ON s.pk = e.study
WHERE i.sop_uid = $1
