-- $1 SOP Instance UID -> what decides whether another of that name is the same: length of the data set, digest, syntax, site,
-- digest of what was sent (NULL: the same)
SELECT i.part10_len - i.head_len, i.digest, u.uid, s.site, i.sent
FROM instance i JOIN uid u ON u.pk = i.syntax JOIN series e ON e.pk = i.series JOIN study s ON s.pk = e.study
WHERE i.sop_uid = $1
