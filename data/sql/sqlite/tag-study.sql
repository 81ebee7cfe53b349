-- $1 study UID -> its site, and what changes when it does: how many instances it has, which ones (their keys are never given
-- again; the last two columns stand for the set), and the last decision that had an effect on it
SELECT min(s.site), count(i.pk), max(i.pk), sum(i.pk), sum(i.pk * 2654435761 & 4294967295),
	(SELECT coalesce(max(v.seq), 0) FROM event v WHERE v.study_uid = $1 AND v.done = 1 AND v.kind NOT IN ('hold', 'unhold', 'discard'))
FROM study s CROSS JOIN series e CROSS JOIN instance i
WHERE s.study_uid = $1 AND e.study = s.pk AND i.series = e.pk
