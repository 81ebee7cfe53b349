-- $1 study, $2 names, $3 attributes, $4 accession number, $5 date; NULL: it stays
UPDATE study SET names = $2, attrs = $3, accession = $4, study_date = coalesce($5, study_date) WHERE pk = $1
