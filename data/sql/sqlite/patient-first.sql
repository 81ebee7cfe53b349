-- $1 patient -> the first instance of the first series of the first study
SELECT min(pk) FROM instance
WHERE series = (SELECT min(pk) FROM series WHERE study = (SELECT min(pk) FROM study WHERE patient = $1))
