-- $1 id, then what it is to be
UPDATE holder SET name = $2, roles = $3, store_as = $4, disabled = $5, expires = $6 WHERE id = $1
