-- $1 study: those that its series have
INSERT INTO study_modality (study, modality)
SELECT DISTINCT study, modality FROM series WHERE study = $1 AND modality <> '' ON CONFLICT DO NOTHING
