-- $1 JSON array of instance keys -> what a sender needs, in the array's order
SELECT c.uid, i.sop_uid, t.uid, s.study_uid, e.series_uid, s.site, i.pack, i.at, i.part10_len, i.head_len, i.digest
FROM json_each($1) j CROSS JOIN instance i CROSS JOIN series e CROSS JOIN study s CROSS JOIN uid c CROSS JOIN uid t
WHERE i.pk = j.value AND e.pk = i.series AND s.pk = e.study AND c.pk = i.class AND t.pk = i.syntax
ORDER BY j.key
