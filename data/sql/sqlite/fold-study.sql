-- $1 last delta: into the counters of their studies
UPDATE study SET n_instances = n_instances + d.n, bytes = study.bytes + d.bytes
FROM (SELECT study AS of, sum(n) AS n, sum(bytes) AS bytes FROM stat_delta WHERE pk <= $1 GROUP BY study) AS d
WHERE study.pk = d.of
