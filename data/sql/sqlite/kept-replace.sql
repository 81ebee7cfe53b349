-- $1 instance, $2 event: it goes into quarantine
INSERT INTO quarantine (seq, site, sop_uid, study_uid, series_uid, class, syntax, reason, pack, at, part10_len, head_len,
	digest, aet, received, sent, kind, event)
SELECT i.seq, s.site, i.sop_uid, s.study_uid, e.series_uid, c.uid, t.uid, '', i.pack, i.at, i.part10_len, i.head_len, i.digest,
	'', i.received, i.sent, 'replaced', $2
FROM instance i JOIN series e ON e.pk = i.series JOIN study s ON s.pk = e.study JOIN uid c ON c.pk = i.class
JOIN uid t ON t.pk = i.syntax
WHERE i.pk = $1
