-- $1 most rows -> how many deltas are folded now, and the last of them
SELECT count(*), max(pk) FROM (SELECT pk FROM stat_delta ORDER BY pk LIMIT $1) AS first
