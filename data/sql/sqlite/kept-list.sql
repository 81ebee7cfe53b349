-- $1 study UID or '', $2 kind or '', $3 1 for discarded ones too, $4 and $5 sequence numbers: behind it, up to it; the last
-- columns as in select-page
SELECT q.seq, q.kind, q.gone, q.event, coalesce(s.code, ''), q.aet, q.received, q.sop_uid, q.study_uid, q.series_uid, q.class,
	coalesce(z.uid, q.syntax), CASE q.reason WHEN '' THEN coalesce(v.why, '') ELSE q.reason END,
	q.site, coalesce(p.pack, q.pack),
	coalesce(p.at, q.at), coalesce(p.part10_len, q.part10_len), coalesce(p.head_len, q.head_len), coalesce(p.digest, q.digest),
	p.seq IS NOT NULL, coalesce(p.appendix_len, 0), q.syntax, q.digest, q.part10_len - q.head_len
FROM quarantine q LEFT JOIN site s ON s.id = q.site LEFT JOIN event v ON v.seq = q.event
LEFT JOIN settled p ON p.seq = q.seq LEFT JOIN uid z ON z.pk = p.syntax
WHERE q.seq > $4 AND q.seq <= $5 AND ($1 = '' OR q.study_uid = $1) AND ($2 = '' OR q.kind = $2) AND ($3 = 1 OR q.gone = 0)
ORDER BY q.seq LIMIT 200
