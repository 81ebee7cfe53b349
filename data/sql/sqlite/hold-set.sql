-- $1 study UID, $2 event
INSERT INTO hold (study_uid, event) VALUES ($1, $2) ON CONFLICT (study_uid) DO UPDATE SET event = excluded.event
