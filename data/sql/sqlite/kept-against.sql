-- $1 SOP Instance UID, $2 series UID, $3 study UID: the instance that has the first, else the first of that series, else of
-- that study, in the columns of kept-list
SELECT i.seq, '', 0, 0, coalesce(l.code, ''), '', i.received, i.sop_uid, s.study_uid, e.series_uid, c.uid, coalesce(z.uid, t.uid), '',
	s.site, coalesce(p.pack, i.pack),
	coalesce(p.at, i.at), coalesce(p.part10_len, i.part10_len), coalesce(p.head_len, i.head_len), coalesce(p.digest, i.digest),
	p.seq IS NOT NULL, coalesce(p.appendix_len, 0), t.uid, i.digest, i.part10_len - i.head_len
FROM instance i CROSS JOIN series e CROSS JOIN study s CROSS JOIN uid c CROSS JOIN uid t LEFT JOIN site l ON l.id = s.site
LEFT JOIN settled p ON p.seq = i.pk LEFT JOIN uid z ON z.pk = p.syntax
WHERE i.pk = coalesce((SELECT pk FROM instance WHERE sop_uid = $1),
	(SELECT min(x.pk) FROM series y CROSS JOIN instance x WHERE y.series_uid = $2 AND x.series = y.pk),
	(SELECT min(x.pk) FROM study z CROSS JOIN series y CROSS JOIN instance x WHERE z.study_uid = $3 AND y.study = z.pk AND x.series = y.pk))
	AND e.pk = i.series AND s.pk = e.study AND c.pk = i.class AND t.pk = i.syntax
