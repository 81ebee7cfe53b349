-- $1 last delta: into the counters of their series
UPDATE series SET n_instances = n_instances + d.n, bytes = series.bytes + d.bytes
FROM (SELECT series AS of, sum(n) AS n, sum(bytes) AS bytes FROM stat_delta WHERE pk <= $1 GROUP BY series) AS d
WHERE series.pk = d.of
