-- a study, as its first instance has it -> key
INSERT INTO study (study_uid, patient, site, study_date, accession, names, attrs) VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING pk
