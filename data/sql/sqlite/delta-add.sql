-- $1 study, $2 series, $3 bytes: one instance more
INSERT INTO stat_delta (study, series, n, bytes) VALUES ($1, $2, 1, $3)
