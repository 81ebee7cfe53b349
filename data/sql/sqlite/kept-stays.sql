-- $1 key, $2 why it could not be taken in
UPDATE quarantine SET reason = $2 WHERE pk = $1
