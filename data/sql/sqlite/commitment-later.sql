-- $1 id, $2 time: nothing is done about it before
UPDATE commitment SET due = $2 WHERE id = $1
