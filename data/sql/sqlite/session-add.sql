INSERT INTO session (proof, csrf, holder, name, subject, roles, sites, address, created, used, until)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9, $10)
RETURNING id
