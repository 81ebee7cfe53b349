-- $1 study, $2 key of the SOP class of a new instance
INSERT INTO study_class (study, class) VALUES ($1, $2) ON CONFLICT DO NOTHING
