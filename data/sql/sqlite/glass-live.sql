-- those that hold at $1
SELECT id, subject, study, site, until FROM glass WHERE until > $1 ORDER BY id
