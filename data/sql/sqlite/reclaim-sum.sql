-- bytes that are to be given back
SELECT coalesce(sum(n), 0) FROM reclaim
