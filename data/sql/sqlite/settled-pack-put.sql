-- $1 pack, $2 event, $3 study UID, $4 series UID, $5 records
INSERT OR REPLACE INTO settled_pack (pack, event, study_uid, series_uid, n) VALUES ($1, $2, $3, $4, $5)
