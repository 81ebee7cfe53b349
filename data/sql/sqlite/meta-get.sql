-- $1 key -> value
SELECT value FROM meta WHERE key = $1
