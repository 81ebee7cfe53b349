-- the latest first
SELECT id, subject, name, address, study, site, reason, created, until FROM glass ORDER BY id DESC LIMIT $1
