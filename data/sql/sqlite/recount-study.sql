-- $1 study: its counts anew, from those of its series -> number of instances
UPDATE study SET n_instances = (SELECT coalesce(sum(e.n_instances), 0) FROM series e WHERE e.study = $1),
	bytes = (SELECT coalesce(sum(e.bytes), 0) FROM series e WHERE e.study = $1)
WHERE pk = $1 RETURNING n_instances
