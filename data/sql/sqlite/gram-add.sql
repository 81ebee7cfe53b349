-- $1 gram, $2 form that has it
INSERT INTO name_gram (gram, form) VALUES ($1, $2) ON CONFLICT DO NOTHING
