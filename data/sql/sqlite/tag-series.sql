-- $1 study UID, $2 series UID -> as tag-study, of the series; the decision may have been about another series of the study
SELECT min(s.site), count(i.pk), max(i.pk), sum(i.pk), sum(i.pk * 2654435761 & 4294967295),
	(SELECT coalesce(max(v.seq), 0) FROM event v WHERE v.study_uid = $1 AND v.done = 1 AND v.kind NOT IN ('hold', 'unhold', 'discard'))
FROM series e CROSS JOIN study s CROSS JOIN instance i
WHERE e.series_uid = $2 AND s.pk = e.study AND s.study_uid = $1 AND i.series = e.pk
