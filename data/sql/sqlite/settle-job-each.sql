-- $1 key of a job, $2 1 for those that are done, $3 most -> the next ones behind it
SELECT j.id, s.study_uid, e.series_uid, e.modality, coalesce(l.code, ''), j.state, j.instances, j.waiting, j.received, j.kept, j.newest,
	j.due, j.lease, j.owner, j.ticket, j.tries, j.why
FROM settle_job j CROSS JOIN series e CROSS JOIN study s LEFT JOIN site l ON l.id = s.site
WHERE j.id > $1 AND (j.state = 3) = $2 AND e.series_uid = j.series_uid AND s.pk = e.study
ORDER BY j.id LIMIT $3
