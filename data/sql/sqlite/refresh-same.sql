-- $1 instance, $2 series, $3 study, $4 patient -> are they still its own? Keys of all but instances are given again.
SELECT 1 FROM instance i JOIN series e ON e.pk = i.series JOIN study s ON s.pk = e.study
WHERE i.pk = $1 AND e.pk = $2 AND s.pk = $3 AND s.patient = $4
