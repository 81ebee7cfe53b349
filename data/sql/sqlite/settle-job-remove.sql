-- $1 series UID
DELETE FROM settle_job WHERE series_uid = $1
