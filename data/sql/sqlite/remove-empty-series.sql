-- $1 study: its series without an instance
DELETE FROM series WHERE study = $1 AND NOT EXISTS (SELECT 1 FROM instance WHERE instance.series = series.pk)
