-- $1 study -> number of series, instances
SELECT (SELECT count(*) FROM series e WHERE e.study = s.pk),
	s.n_instances + (SELECT coalesce(sum(d.n), 0) FROM stat_delta d WHERE d.study = s.pk)
FROM study s WHERE s.pk = $1
