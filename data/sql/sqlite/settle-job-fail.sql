-- $1 job, $2 ticket, $3 this process, $4 when again, 0 for never, $5 why, '' for no fault of its
UPDATE settle_job SET state = CASE WHEN state = 3 THEN 3 WHEN $4 = 0 THEN 2 ELSE 1 END, due = $4, lease = 0, owner = 0, tries = tries + ($5 <> ''), why = $5
WHERE id = $1 AND ticket = $2 AND owner = $3
