-- jobs of series that are gone
DELETE FROM settle_job WHERE NOT EXISTS (SELECT 1 FROM series e WHERE e.series_uid = settle_job.series_uid)
