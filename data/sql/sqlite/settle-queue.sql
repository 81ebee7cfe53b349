-- how many series wait, how many were given up, and bytes that are to be given back: asked often, so without a look at all jobs
SELECT (SELECT count(*) FROM settle_job WHERE state = 1), (SELECT count(*) FROM settle_job WHERE state = 2),
	(SELECT coalesce(sum(n), 0) FROM reclaim)
