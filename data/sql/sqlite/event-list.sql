-- what people decided: $1 study UID or '', $2 sequence number -> the next behind it
SELECT seq, at, kind, study_uid, number, who, why, done, records, reason, series_uid, sop_uid FROM event
WHERE kind <> 'settle' AND seq > $2 AND ($1 = '' OR study_uid = $1) ORDER BY seq LIMIT 200
