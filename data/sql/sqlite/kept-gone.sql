-- $1 key, $2 event that discarded it
UPDATE quarantine SET gone = $2 WHERE pk = $1
