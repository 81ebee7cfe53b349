-- $1 patient ID, $2 site, $3 issuer, $4 study UID for a patient without an ID, else '' -> key
SELECT pk FROM patient WHERE patient_id = $1 AND site = $2 AND issuer = $3 AND alone = $4
