-- studies that are held, the first one first
SELECT h.study_uid, e.at, e.who, e.why FROM hold h JOIN event e ON e.seq = h.event ORDER BY h.event
