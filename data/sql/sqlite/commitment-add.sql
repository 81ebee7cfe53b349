-- a request: $1 site, $2 AE title, $3 Transaction UID, $4 number of instances, $5 instances, $6 now
INSERT INTO commitment (site, aet, transaction_uid, state, n, failed, tries, asked, changed, due, why, items, verdicts)
VALUES ($1, $2, $3, 1, $4, 0, 0, $6, $6, $6, '', $5, '') RETURNING id
