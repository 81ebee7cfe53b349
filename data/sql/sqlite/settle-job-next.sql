-- $1 study UID or '', $2 what arrived until then is quiet, $3 now, $4 this process -> the next series that is due, in the columns of
-- settle-job-each
SELECT j.id, s.study_uid, e.series_uid, e.modality, coalesce(l.code, ''), j.state, j.instances, j.waiting, j.received, j.kept, j.newest,
	j.due, j.lease, j.owner, j.ticket, j.tries, j.why, j.open
FROM settle_job j CROSS JOIN series e CROSS JOIN study s LEFT JOIN site l ON l.id = s.site
WHERE j.state = 1 AND j.due <= $3 AND j.newest <= $2 AND (j.lease <= $3 OR j.owner <> $4)
	AND e.series_uid = j.series_uid AND s.pk = e.study AND ($1 = '' OR s.study_uid = $1)
ORDER BY j.due, j.id LIMIT 1
