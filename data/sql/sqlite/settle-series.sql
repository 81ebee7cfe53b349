-- $1 series UID -> keys of its instances, in the order that a viewer shows them
SELECT i.pk FROM series e JOIN instance i ON i.series = e.pk WHERE e.series_uid = $1 ORDER BY i.number IS NULL, i.number, i.pk
