-- $1 study UID, $2 series UID, $3 kind -> site, pack and where the record stands, if all instances of the series are of one settled
-- pack, and all of that pack are there
SELECT a.site, x.pack, x.at
FROM (SELECT s.site AS site, count(*) AS n, count(p.seq) AS settled, min(p.home) AS least, max(p.home) AS greatest
	FROM series e JOIN study s ON s.pk = e.study JOIN instance i ON i.series = e.pk LEFT JOIN settled p ON p.seq = i.pk
	WHERE e.series_uid = $2 AND s.study_uid = $1) a
JOIN settled_pack k ON k.pack = a.least JOIN settled_extra x ON x.pack = a.least AND x.kind = $3
WHERE a.n = a.settled AND a.least = a.greatest AND k.n = a.n
