-- another password
UPDATE holder SET proof = $2 WHERE id = $1
