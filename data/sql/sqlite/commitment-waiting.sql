-- $1 site, $2 AE title -> requests that were not told yet
SELECT COUNT(*) FROM commitment WHERE site = $1 AND aet = $2 AND state < 3
