-- $1 site, $2 AE title, $3 Transaction UID, $4 instances -> the request, and whether it is about these
SELECT id, state, items = $4 FROM commitment WHERE site = $1 AND aet = $2 AND transaction_uid = $3
