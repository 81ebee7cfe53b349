-- $1 id, $2 state, $3 now, $4 due, $5 tries, $6 why, $7 when it was asked: something happened to it, unless it was asked again
UPDATE commitment SET state = $2, changed = $3, due = $4, tries = $5, why = $6 WHERE id = $1 AND asked = $7
