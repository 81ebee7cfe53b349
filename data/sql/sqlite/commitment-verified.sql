-- $1 id, $2 failed, $3 verdicts, $4 now: to be told from now on
UPDATE commitment SET state = 2, failed = $2, verdicts = $3, changed = $4, due = $4 WHERE id = $1 AND state = 1
