-- $1 study -> its patient
DELETE FROM study WHERE pk = $1 RETURNING patient
