-- $1 UID -> key
INSERT INTO uid (uid) VALUES ($1) RETURNING pk
