-- $1 owner, $2 kind (0 patient, 1 study): who has gone
DELETE FROM name WHERE owner = $1 AND kind = $2
