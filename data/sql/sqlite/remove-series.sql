-- $1 study: its series
DELETE FROM series WHERE study = $1
