-- $1 study: modalities that no series of it has
DELETE FROM study_modality WHERE study = $1 AND modality NOT IN (SELECT modality FROM series WHERE series.study = $1)
