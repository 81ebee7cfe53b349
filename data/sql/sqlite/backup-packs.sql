-- backup: -> each pack that the index refers to, in order of id; how many records of it, and where the last one ends
SELECT pack, COUNT(*), MAX(at + n) FROM (
	SELECT coalesce(p.pack, i.pack) AS pack, coalesce(p.at, i.at) AS at, coalesce(p.part10_len + p.appendix_len, i.part10_len) AS n
	FROM instance i LEFT JOIN settled p ON p.seq = i.pk
	UNION ALL SELECT coalesce(p.pack, q.pack), coalesce(p.at, q.at), coalesce(p.part10_len + p.appendix_len, q.part10_len)
	FROM quarantine q LEFT JOIN settled p ON p.seq = q.seq)
GROUP BY pack ORDER BY pack
