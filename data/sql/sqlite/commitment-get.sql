-- $1 id -> the whole of it
SELECT id, site, aet, transaction_uid, state, n, failed, tries, asked, changed, due, why, '', items, verdicts
FROM commitment WHERE id = $1
