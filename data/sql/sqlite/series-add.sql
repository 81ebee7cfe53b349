-- a series, as its first instance has it -> key
INSERT INTO series (series_uid, study, modality, number, attrs) VALUES ($1, $2, $3, $4, $5) RETURNING pk
