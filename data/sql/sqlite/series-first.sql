-- $1 series UID -> its first instance, if there is any
SELECT coalesce(min(i.pk), 0) FROM series e JOIN instance i ON i.series = e.pk WHERE e.series_uid = $1
