-- $1 site, $2 AE title, $3 time: the peer cannot be told before
UPDATE commitment SET due = $3 WHERE site = $1 AND aet = $2 AND state = 2 AND due < $3
