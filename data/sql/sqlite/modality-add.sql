-- $1 study, $2 modality of a new series
INSERT INTO study_modality (study, modality) VALUES ($1, $2) ON CONFLICT DO NOTHING
