-- $1 series, $2 modality, $3 number, $4 attributes; written only when they are others
UPDATE series SET modality = $2, number = $3, attrs = $4 WHERE pk = $1 AND (attrs <> $4 OR modality <> $2 OR number IS NOT $3)
