-- $1 patient, when no study is left -> key
DELETE FROM patient WHERE pk = $1 AND NOT EXISTS (SELECT 1 FROM study WHERE study.patient = $1) RETURNING pk
