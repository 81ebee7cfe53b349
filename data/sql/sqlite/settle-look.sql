-- $1 series UID -> its instances: how many, how many not settled, bytes of those, bytes as all came and as they are, last arrival; the
-- least and the greatest of the settled packs that tell of them, and how many records the first tells of
SELECT a.*, coalesce((SELECT k.n FROM settled_pack k WHERE k.pack = a.least), 0)
FROM (SELECT count(*), coalesce(sum(p.seq IS NULL), 0), coalesce(sum(CASE WHEN p.seq IS NULL THEN i.part10_len ELSE 0 END), 0),
	coalesce(sum(i.part10_len), 0), coalesce(sum(coalesce(p.part10_len + p.appendix_len, i.part10_len)), 0),
	coalesce(max(i.received), 0), coalesce(min(p.home), 0) AS least, coalesce(max(p.home), 0)
	FROM series e JOIN instance i ON i.series = e.pk LEFT JOIN settled p ON p.seq = i.pk WHERE e.series_uid = $1) a
