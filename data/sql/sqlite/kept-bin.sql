-- $1 study UID, $2 and $3 first and last sequence number, $4 most, $5 series UID or '', $6 SOP Instance UID or '': what was
-- dropped of it and waits, in order of arrival; and was it by itself, without all of its study?
SELECT q.pk, q.seq, q.site, coalesce(p.pack, q.pack), coalesce(p.at, q.at), q.kind, q.study_uid, q.sop_uid, q.gone,
	EXISTS (SELECT 1 FROM event v WHERE v.seq = q.event AND v.series_uid <> '')
FROM quarantine q LEFT JOIN settled p ON p.seq = q.seq
WHERE q.study_uid = $1 AND q.kind = 'dropped' AND q.gone = 0 AND q.seq >= $2 AND q.seq <= $3 AND ($5 = '' OR q.series_uid = $5)
	AND ($6 = '' OR q.sop_uid = $6) ORDER BY q.seq LIMIT $4
