-- studies that are held, the first one first, behind event $1 -> UID, event, none, none, when, who, why
SELECT h.study_uid, h.event, 0, 0, e.at, e.who, e.why FROM hold h JOIN event e ON e.seq = h.event
WHERE h.event > $1 ORDER BY h.event LIMIT 200
