-- $1 study UID -> since when it is held, by whom, why
SELECT e.at, e.who, e.why FROM hold h JOIN event e ON e.seq = h.event WHERE h.study_uid = $1
