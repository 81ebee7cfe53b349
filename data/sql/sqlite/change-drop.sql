-- $1 study, $2 decision, $3 series UID or '', $4 SOP Instance UID or '': each of its instances, or of the series, or that one, is
-- dropped, in their order of arrival
INSERT INTO change (site, number, kind, seq, event)
SELECT s.site, coalesce((SELECT max(c.number) FROM change c WHERE c.site = s.site), 0) + row_number() OVER (ORDER BY i.pk), 2, i.pk, $2
FROM study s JOIN series e ON e.study = s.pk JOIN instance i ON i.series = e.pk
WHERE s.pk = $1 AND ($3 = '' OR e.series_uid = $3) AND ($4 = '' OR i.sop_uid = $4)
