-- $1 job, $2 until when, $3 this process, $4 ticket
UPDATE settle_job SET lease = $2, owner = $3, ticket = $4 WHERE id = $1
