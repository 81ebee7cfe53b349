-- $1 study UID -> its key, and whose it is
SELECT s.pk, p.site, p.issuer, p.patient_id FROM study s JOIN patient p ON p.pk = s.patient WHERE s.study_uid = $1
