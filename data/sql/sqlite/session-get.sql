-- $1 proof
SELECT s.id, s.csrf, s.holder, s.name, s.subject, s.roles, s.sites, s.address, s.created, s.used, s.until FROM session s WHERE s.proof = $1
