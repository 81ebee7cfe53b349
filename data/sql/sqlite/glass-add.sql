INSERT INTO glass (subject, name, address, study, site, reason, created, until) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
RETURNING id
