-- $1 study, $2 series UID, $3 SOP Instance UID or '': that instance, or all of the series
DELETE FROM instance WHERE series IN (SELECT pk FROM series WHERE study = $1 AND series_uid = $2) AND ($3 = '' OR sop_uid = $3)
