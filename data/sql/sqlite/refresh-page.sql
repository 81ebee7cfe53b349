-- $1 key after which to go on, $2 last key, $3 most rows -> instances to be read again, and whether each is the first of its
-- series, its series the first of the study, its study the first of the patient; and whether one that came before it, and
-- spoke for the series or the study, was replaced; the last columns as in select-page
SELECT i.pk, e.pk, s.pk, s.patient, i.sop_uid, coalesce(z.uid, t.uid), s.study_uid, e.series_uid, coalesce(p.pack, i.pack),
	coalesce(p.at, i.at), coalesce(p.part10_len, i.part10_len), coalesce(p.head_len, i.head_len),
	NOT EXISTS (SELECT 1 FROM instance x WHERE x.series = e.pk AND x.pk < i.pk),
	NOT EXISTS (SELECT 1 FROM series x WHERE x.study = s.pk AND x.pk < e.pk),
	NOT EXISTS (SELECT 1 FROM study x WHERE x.patient = s.patient AND x.pk < s.pk),
	EXISTS (SELECT 1 FROM quarantine k WHERE k.study_uid = s.study_uid AND k.kind = 'replaced' AND (
		(k.series_uid = e.series_uid AND k.seq < i.seq)
		OR EXISTS (SELECT 1 FROM instance x WHERE x.series = e.pk AND x.seq < i.seq))),
	EXISTS (SELECT 1 FROM quarantine k WHERE k.study_uid = s.study_uid AND k.kind = 'replaced' AND (k.seq < i.seq
		OR EXISTS (SELECT 1 FROM series y CROSS JOIN instance x WHERE y.study = s.pk AND x.series = y.pk AND x.seq < i.seq))),
	p.seq IS NOT NULL, coalesce(p.appendix_len, 0), t.uid, i.digest, i.part10_len - i.head_len
FROM instance i CROSS JOIN series e CROSS JOIN study s CROSS JOIN uid t
LEFT JOIN settled p ON p.seq = i.pk LEFT JOIN uid z ON z.pk = p.syntax
WHERE i.pk > $1 AND i.pk <= $2 AND e.pk = i.series AND s.pk = e.study AND t.pk = i.syntax
ORDER BY i.pk LIMIT $3
