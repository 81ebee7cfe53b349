-- $1 Study Instance UID -> what its text is likely written in, where that is not what its objects say
SELECT charset_note FROM study WHERE study_uid = $1
