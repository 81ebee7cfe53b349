-- $1 series UID -> its key, its study's key and UID, and whose that is
SELECT e.pk, s.pk, s.study_uid, p.site, p.issuer, p.patient_id
FROM series e JOIN study s ON s.pk = e.study JOIN patient p ON p.pk = s.patient WHERE e.series_uid = $1
