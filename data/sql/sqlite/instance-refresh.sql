-- $1 instance, $2 number, $3 attributes; written only when they are others
UPDATE instance SET number = $2, attrs = $3 WHERE pk = $1 AND (attrs <> $3 OR number IS NOT $2)
