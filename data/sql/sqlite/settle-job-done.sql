-- $1 job, $2 what is to be said: nobody works on it any more
UPDATE settle_job SET lease = 0, owner = 0, tries = 0, due = 0, why = $2 WHERE id = $1
