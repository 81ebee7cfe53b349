-- backup: -> each pack that the index refers to, in order of id; how many records of it, and where the last one ends
SELECT pack, COUNT(*), MAX(at + part10_len) FROM (
	SELECT pack, at, part10_len FROM instance UNION ALL SELECT pack, at, part10_len FROM quarantine)
GROUP BY pack ORDER BY pack
