-- $1 id, $2 now: it was asked again, and is told again
UPDATE commitment SET state = CASE state WHEN 1 THEN 1 ELSE 2 END, tries = 0, asked = $2, changed = $2, due = $2 WHERE id = $1
