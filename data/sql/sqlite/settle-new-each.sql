-- $1 key of a series, $2 most, $3 the last sequence number that was noticed -> the next series behind it that something arrived for since,
-- in the columns of settle-job-each, as if they were jobs; and the series' key
SELECT 0, s.study_uid, e.series_uid, e.modality, coalesce(l.code, ''),
	CASE WHEN x.open = 0 AND x.least = x.greatest AND (SELECT k.n FROM settled_pack k WHERE k.pack = x.least) = x.n THEN 3 ELSE 1 END,
	x.n, x.waiting, x.received, x.kept, x.newest, 0, 0, 0, 0, 0, '', x.open, x.series
FROM (SELECT i.series AS series, count(*) AS n, sum(p.seq IS NULL) AS waiting, sum(i.part10_len) AS received,
		sum(coalesce(p.part10_len + p.appendix_len, i.part10_len)) AS kept, max(i.received) AS newest,
		sum(CASE WHEN p.seq IS NULL THEN i.part10_len ELSE 0 END) AS open, min(p.home) AS least, max(p.home) AS greatest
	FROM (SELECT n.pk FROM series n WHERE n.pk > $1 AND EXISTS (SELECT 1 FROM instance v WHERE v.series = n.pk AND v.pk > $3)
		ORDER BY n.pk LIMIT $2) o
	CROSS JOIN instance i LEFT JOIN settled p ON p.seq = i.pk WHERE i.series = o.pk GROUP BY i.series) x
CROSS JOIN series e CROSS JOIN study s LEFT JOIN site l ON l.id = s.site
WHERE e.pk = x.series AND s.pk = e.study
ORDER BY x.series
