-- studies of which something was dropped and waits, the first dropped first -> UID, records, bytes, when, who, why
SELECT q.study_uid, count(*), sum(q.part10_len), e.at, e.who, e.why FROM quarantine q JOIN event e ON e.seq = q.event
WHERE q.kind = 'dropped' AND q.gone = 0 GROUP BY q.study_uid, q.event ORDER BY q.event
