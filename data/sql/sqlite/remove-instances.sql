-- $1 study
DELETE FROM instance WHERE series IN (SELECT pk FROM series WHERE study = $1)
