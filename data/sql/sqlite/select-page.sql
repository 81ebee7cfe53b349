-- $1 JSON array of instance keys -> what a sender needs, in the array's order; then what was received, where that is settled
SELECT c.uid, i.sop_uid, coalesce(z.uid, t.uid), s.study_uid, e.series_uid, s.site, coalesce(p.pack, i.pack),
	coalesce(p.at, i.at), coalesce(p.part10_len, i.part10_len), coalesce(p.head_len, i.head_len), coalesce(p.digest, i.digest),
	p.seq IS NOT NULL, coalesce(p.appendix_len, 0), t.uid, i.digest, i.part10_len - i.head_len
FROM json_each($1) j CROSS JOIN instance i CROSS JOIN series e CROSS JOIN study s CROSS JOIN uid c CROSS JOIN uid t
LEFT JOIN settled p ON p.seq = i.pk LEFT JOIN uid z ON z.pk = p.syntax
WHERE i.pk = j.value AND e.pk = i.series AND s.pk = e.study AND c.pk = i.class AND t.pk = i.syntax
ORDER BY j.key
