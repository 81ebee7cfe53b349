-- $1 SOP Instance UID -> its key, its study's key and UID, site, series UID
SELECT i.pk, e.study, s.study_uid, s.site, e.series_uid FROM instance i JOIN series e ON e.pk = i.series JOIN study s ON s.pk = e.study WHERE i.sop_uid = $1
