-- $1 study, $2 event, $3 series UID or '', $4 SOP Instance UID or '': its instances, or those of the series, or that one, into
-- quarantine, in their order of arrival
INSERT INTO quarantine (seq, site, sop_uid, study_uid, series_uid, class, syntax, reason, pack, at, part10_len, head_len,
	digest, aet, received, sent, kind, event)
SELECT i.seq, s.site, i.sop_uid, s.study_uid, e.series_uid, c.uid, t.uid, '', i.pack, i.at, i.part10_len, i.head_len, i.digest,
	'', i.received, i.sent, 'dropped', $2
FROM series e JOIN instance i ON i.series = e.pk JOIN study s ON s.pk = e.study JOIN uid c ON c.pk = i.class
JOIN uid t ON t.pk = i.syntax
WHERE e.study = $1 AND ($3 = '' OR e.series_uid = $3) AND ($4 = '' OR i.sop_uid = $4) ORDER BY i.seq
