-- $1 site, $2 and $3 numbers: behind the one, up to the other, $4 most -> number, kind, when, UIDs of study, series, instance, class
SELECT c.number, c.kind, coalesce(v.at, i.received, q.received, 0), coalesce(s.study_uid, q.study_uid, ''),
	coalesce(e.series_uid, q.series_uid, ''), coalesce(i.sop_uid, q.sop_uid, ''), coalesce(u.uid, q.class, '')
FROM change c LEFT JOIN instance i ON i.pk = c.seq LEFT JOIN series e ON e.pk = i.series LEFT JOIN study s ON s.pk = e.study
LEFT JOIN uid u ON u.pk = i.class LEFT JOIN quarantine q ON q.seq = c.seq LEFT JOIN event v ON v.seq = c.event
WHERE c.site = $1 AND c.number > $2 AND c.number <= $3 ORDER BY c.number LIMIT $4
