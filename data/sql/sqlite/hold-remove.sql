-- $1 study UID
DELETE FROM hold WHERE study_uid = $1
