-- $1 id, $2 now
UPDATE holder SET locked = 0, pardoned = $2 WHERE id = $1
