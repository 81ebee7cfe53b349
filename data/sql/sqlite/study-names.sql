-- $1 study -> names, attributes
SELECT names, attrs FROM study WHERE pk = $1
