-- $1 normal form of a name -> key
INSERT INTO form (form) VALUES ($1) RETURNING pk
