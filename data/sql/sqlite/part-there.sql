-- $1 study UID, $2 series UID, $3 SOP Instance UID or '' -> is it there?
SELECT 1 FROM study s JOIN series e ON e.study = s.pk JOIN instance i ON i.series = e.pk
WHERE s.study_uid = $1 AND e.series_uid = $2 AND ($3 = '' OR i.sop_uid = $3) LIMIT 1
