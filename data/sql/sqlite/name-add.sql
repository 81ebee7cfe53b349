-- $1 form, $2 kind (0 patient, 1 study), $3 owner, $4 part
INSERT INTO name (form, kind, owner, part) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING
