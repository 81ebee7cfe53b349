-- $1 study, $2 decision: each of its instances is dropped, in their order of arrival
INSERT INTO change (site, number, kind, seq, event)
SELECT s.site, coalesce((SELECT max(c.number) FROM change c WHERE c.site = s.site), 0) + row_number() OVER (ORDER BY i.pk), 2, i.pk, $2
FROM study s JOIN series e ON e.study = s.pk JOIN instance i ON i.series = e.pk
WHERE s.pk = $1
