-- $1 form, $2 kind (0 patient, 1 study), $3 owner, $4 part
DELETE FROM name WHERE form = $1 AND kind = $2 AND owner = $3 AND part = $4
