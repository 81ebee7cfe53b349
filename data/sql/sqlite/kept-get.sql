-- $1 sequence number -> the record in quarantine
SELECT q.pk, q.seq, q.site, coalesce(p.pack, q.pack), coalesce(p.at, q.at), q.kind, q.study_uid, q.sop_uid, q.gone
FROM quarantine q LEFT JOIN settled p ON p.seq = q.seq WHERE q.seq = $1
