-- $1 job, $2 ticket, $3 this process, $4 until when
UPDATE settle_job SET lease = $4 WHERE id = $1 AND ticket = $2 AND owner = $3
