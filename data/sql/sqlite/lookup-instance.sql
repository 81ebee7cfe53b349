-- $1 SOP Instance UID -> where it is, in the columns of select-page
SELECT c.uid, i.sop_uid, t.uid, s.study_uid, e.series_uid, s.site, i.pack, i.at, i.part10_len, i.head_len, i.digest
FROM instance i CROSS JOIN series e CROSS JOIN study s CROSS JOIN uid c CROSS JOIN uid t
WHERE i.sop_uid = $1 AND e.pk = i.series AND s.pk = e.study AND c.pk = i.class AND t.pk = i.syntax
