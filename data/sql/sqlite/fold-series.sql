-- $1 last delta: into the counters of their series
UPDATE series SET
	n_instances = n_instances + (SELECT sum(d.n) FROM stat_delta d WHERE d.pk <= $1 AND d.study = series.study AND d.series = series.pk),
	bytes = bytes + (SELECT sum(d.bytes) FROM stat_delta d WHERE d.pk <= $1 AND d.study = series.study AND d.series = series.pk)
WHERE pk IN (SELECT series FROM stat_delta WHERE pk <= $1)
