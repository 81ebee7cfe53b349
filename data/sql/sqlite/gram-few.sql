-- $1 gram, $2 most -> how many forms have it, counted up to the most
SELECT count(*) FROM (SELECT 1 FROM name_gram WHERE gram = $1 LIMIT $2) AS first
