-- those of a holder; $2 now
SELECT s.id, s.csrf, s.holder, s.name, s.subject, s.roles, s.sites, s.address, s.created, s.used, s.until FROM session s WHERE s.holder = $1 AND s.until > $2 ORDER BY s.id
