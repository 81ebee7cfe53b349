-- $1 sequence number -> the record in quarantine
SELECT pk, seq, site, pack, at, kind, study_uid, sop_uid, gone FROM quarantine WHERE seq = $1
