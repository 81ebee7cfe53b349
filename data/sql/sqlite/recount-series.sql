-- $1 study: counts of its series anew
UPDATE series SET n_instances = (SELECT count(*) FROM instance i WHERE i.series = series.pk),
	bytes = (SELECT coalesce(sum(i.part10_len), 0) FROM instance i WHERE i.series = series.pk)
WHERE study = $1
