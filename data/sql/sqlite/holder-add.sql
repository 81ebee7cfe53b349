-- kind, name, proof, roles, store_as, disabled, created, expires
INSERT INTO holder (kind, name, proof, roles, store_as, disabled, created, expires, used) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0)
RETURNING id
