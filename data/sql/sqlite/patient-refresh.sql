-- $1 patient, $2 names, $3 attributes
UPDATE patient SET names = $2, attrs = $3 WHERE pk = $1
