-- $1 and $2 sequence numbers: behind it, up to it -> series that something happened to then: arrivals, decisions about their study,
-- settling; of what was dropped, the series may be gone. '' when others may be, too
SELECT e.series_uid FROM instance i JOIN series e ON e.pk = i.series WHERE i.pk > $1 AND i.pk <= $2
UNION SELECT e.series_uid FROM event v JOIN study s ON s.study_uid = v.study_uid JOIN series e ON e.study = s.pk
	WHERE v.seq > $1 AND v.seq <= $2 AND v.kind NOT IN ('settle', 'hold', 'unhold', 'discard')
UNION SELECT q.series_uid FROM event v JOIN quarantine q ON q.study_uid = v.study_uid
	WHERE v.seq > $1 AND v.seq <= $2 AND v.kind = 'drop' AND q.kind = 'dropped'
UNION SELECT v.series_uid FROM event v WHERE v.seq > $1 AND v.seq <= $2 AND v.kind = 'settle'
UNION SELECT '' FROM event v WHERE v.seq > $1 AND v.seq <= $2 AND (v.kind = 'replace' OR (v.kind = 'drop'
	AND EXISTS (SELECT 1 FROM event d WHERE d.seq > v.seq AND d.seq <= $2 AND d.kind = 'discard')))
