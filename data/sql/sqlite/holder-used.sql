-- $1 id, $2 now
UPDATE holder SET used = $2 WHERE id = $1
