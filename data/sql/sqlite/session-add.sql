INSERT INTO session (proof, csrf, holder, name, roles, sites, address, created, used, until) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9)
RETURNING id
