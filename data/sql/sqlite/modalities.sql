-- $1 study -> its modalities
SELECT modality FROM study_modality WHERE study = $1 ORDER BY modality
