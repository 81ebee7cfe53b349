-- $1 last delta: into the counters of their studies
UPDATE study SET
	n_instances = n_instances + (SELECT sum(d.n) FROM stat_delta d WHERE d.pk <= $1 AND d.study = study.pk),
	bytes = bytes + (SELECT sum(d.bytes) FROM stat_delta d WHERE d.pk <= $1 AND d.study = study.pk)
WHERE pk IN (SELECT study FROM stat_delta WHERE pk <= $1)
