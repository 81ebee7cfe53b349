-- $1 key, $2 name, $3 tier, $4 parent
UPDATE site SET name = $2, tier = $3, parent = $4 WHERE id = $1
