-- $1 and $2 dates, $3 most -> how many studies lie between them, counted up to the most
SELECT count(*) FROM (SELECT 1 FROM study WHERE study_date >= $1 AND study_date <= $2 LIMIT $3) AS first
