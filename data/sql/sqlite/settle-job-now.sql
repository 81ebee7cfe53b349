-- $1 study UID or '', $2 key of a job, $3 now, $4 this process, $5 1: also settled ones of
-- which something was kept as it came -> the next series behind it that is not done, in the columns of settle-job-each
SELECT j.id, s.study_uid, e.series_uid, e.modality, coalesce(l.code, ''), j.state, j.instances, j.waiting, j.received, j.kept, j.newest,
	j.due, j.lease, j.owner, j.ticket, j.tries, j.why, j.open
FROM settle_job j CROSS JOIN series e CROSS JOIN study s LEFT JOIN site l ON l.id = s.site
WHERE j.id > $2 AND (j.state <> 3 OR ($5 AND EXISTS (
		SELECT 1 FROM instance i JOIN settled p ON p.seq = i.pk WHERE i.series = e.pk AND p.syntax = i.syntax)))
	AND (j.lease <= $3 OR j.owner <> $4)
	AND e.series_uid = j.series_uid AND s.pk = e.study AND ($1 = '' OR s.study_uid = $1)
ORDER BY j.id LIMIT 1
