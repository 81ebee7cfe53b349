-- $1 key: it is in quarantine no more
DELETE FROM quarantine WHERE pk = $1
