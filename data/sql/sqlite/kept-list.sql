-- $1 study UID or '', $2 kind or '', $3 1 for discarded ones too, $4 and $5 sequence numbers: behind it, up to it
SELECT q.seq, q.kind, q.gone, q.event, coalesce(s.code, ''), q.aet, q.received, q.sop_uid, q.study_uid, q.series_uid, q.class,
	q.syntax, CASE q.reason WHEN '' THEN coalesce(v.why, '') ELSE q.reason END, q.site, q.pack, q.at, q.part10_len, q.head_len, q.digest
FROM quarantine q LEFT JOIN site s ON s.id = q.site LEFT JOIN event v ON v.seq = q.event
WHERE q.seq > $4 AND q.seq <= $5 AND ($1 = '' OR q.study_uid = $1) AND ($2 = '' OR q.kind = $2) AND ($3 = 1 OR q.gone = 0)
ORDER BY q.seq LIMIT 200
