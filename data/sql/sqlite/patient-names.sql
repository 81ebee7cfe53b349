-- $1 patient -> names, attributes
SELECT names, attrs FROM patient WHERE pk = $1
