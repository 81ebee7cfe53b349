-- $1 study -> the first instance of its first series
SELECT coalesce(min(pk), 0) FROM instance WHERE series = (SELECT min(pk) FROM series WHERE study = $1)
