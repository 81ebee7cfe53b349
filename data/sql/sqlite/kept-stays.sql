-- $1 key, $2 why it could not be taken in
UPDATE quarantine SET reason = $2, gone = 0 WHERE pk = $1
