-- $1 patient -> number of studies, series, instances
SELECT count(*), coalesce(sum((SELECT count(*) FROM series e WHERE e.study = s.pk)), 0),
	coalesce(sum(s.n_instances + (SELECT coalesce(sum(d.n), 0) FROM stat_delta d WHERE d.study = s.pk)), 0)
FROM study s WHERE s.patient = $1
