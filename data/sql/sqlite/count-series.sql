-- $1 series -> number of instances
SELECT e.n_instances + (SELECT coalesce(sum(d.n), 0) FROM stat_delta d WHERE d.study = e.study AND d.series = e.pk)
FROM series e WHERE e.pk = $1
