-- $1 name of an account, $2 until when
UPDATE holder SET locked = $2 WHERE kind = 1 AND name = $1
