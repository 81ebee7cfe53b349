-- studies of which something was dropped and waits, the first dropped first, behind event $1 -> UID, event, records, bytes, when,
-- who, why
SELECT q.study_uid, q.event, count(*), sum(q.part10_len), e.at, e.who, e.why FROM quarantine q JOIN event e ON e.seq = q.event
WHERE q.kind = 'dropped' AND q.gone = 0 AND q.event > $1 GROUP BY q.study_uid, q.event ORDER BY q.event LIMIT 200
