-- a patient, as the first instance has them -> key
INSERT INTO patient (patient_id, site, issuer, alone, names, attrs) VALUES ($1, $2, $3, $4, $5, $6) RETURNING pk
