-- $1 job, $2 ticket, $3 this process -> is it leased still?
SELECT 1 FROM settle_job WHERE id = $1 AND ticket = $2 AND owner = $3
