-- $1 state -> the next to be looked after, by when it is due
SELECT id, site, aet, due FROM commitment WHERE state = $1 ORDER BY due LIMIT 1100
