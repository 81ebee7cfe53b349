-- $1 instance
DELETE FROM instance WHERE pk = $1
