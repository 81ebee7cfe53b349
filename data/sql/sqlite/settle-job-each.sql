-- $1 key of a job, $2 1 for those that are done, $3 most, $4 the last sequence number that was noticed -> the next ones behind it, but
-- those that something arrived for since (settle-new-each)
SELECT j.id, s.study_uid, e.series_uid, e.modality, coalesce(l.code, ''), j.state, j.instances, j.waiting, j.received, j.kept, j.newest,
	j.due, j.lease, j.owner, j.ticket, j.tries, j.why, j.open
FROM settle_job j CROSS JOIN series e CROSS JOIN study s LEFT JOIN site l ON l.id = s.site
WHERE j.id > $1 AND (j.state = 3) = $2 AND e.series_uid = j.series_uid AND s.pk = e.study
	AND NOT EXISTS (SELECT 1 FROM instance i WHERE i.series = e.pk AND i.pk > $4)
ORDER BY j.id LIMIT $3
