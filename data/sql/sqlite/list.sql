-- the values of parameter $N, a JSON array; part of other statements
SELECT value FROM json_each($N)
