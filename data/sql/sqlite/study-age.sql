-- $1 study UID -> its key, its date, when the first of it arrived (microseconds since 1970), its site
SELECT s.pk, s.study_date, (SELECT min(i.received) FROM series e JOIN instance i ON i.series = e.pk WHERE e.study = s.pk), s.site
FROM study s WHERE s.study_uid = $1
