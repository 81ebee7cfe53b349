DELETE FROM holder WHERE id = $1 AND kind = $2
