-- reindex --prove: the index (main) against the one rebuilt from the packs (rebuilt) -> table, rows that only one of them has.
-- Compared by what the rows say, not by their surrogate keys; counts with what is not folded yet.
WITH
m_study AS (SELECT s.pk, s.study_uid, s.site, s.study_date, s.accession, s.names, s.charset_note, s.attrs, p.site AS p_site, p.issuer,
	p.patient_id, p.alone,
	s.n_instances + COALESCE((SELECT SUM(d.n) FROM main.stat_delta d WHERE d.study = s.pk), 0) AS n,
	s.bytes + COALESCE((SELECT SUM(d.bytes) FROM main.stat_delta d WHERE d.study = s.pk), 0) AS b
	FROM main.study s JOIN main.patient p ON p.pk = s.patient),
r_study AS (SELECT s.pk, s.study_uid, s.site, s.study_date, s.accession, s.names, s.charset_note, s.attrs, p.site AS p_site, p.issuer,
	p.patient_id, p.alone,
	s.n_instances + COALESCE((SELECT SUM(d.n) FROM rebuilt.stat_delta d WHERE d.study = s.pk), 0) AS n,
	s.bytes + COALESCE((SELECT SUM(d.bytes) FROM rebuilt.stat_delta d WHERE d.study = s.pk), 0) AS b
	FROM rebuilt.study s JOIN rebuilt.patient p ON p.pk = s.patient),
m_instance AS (SELECT i.sop_uid, s.series_uid, c.uid AS class, t.uid AS syntax, i.number, i.pack, i.at, i.part10_len,
	i.head_len, i.digest, i.seq, i.received, i.attrs, i.sent
	FROM main.instance i JOIN main.series s ON s.pk = i.series JOIN main.uid c ON c.pk = i.class JOIN main.uid t ON t.pk = i.syntax),
r_instance AS (SELECT i.sop_uid, s.series_uid, c.uid AS class, t.uid AS syntax, i.number, i.pack, i.at, i.part10_len,
	i.head_len, i.digest, i.seq, i.received, i.attrs, i.sent
	FROM rebuilt.instance i JOIN rebuilt.series s ON s.pk = i.series JOIN rebuilt.uid c ON c.pk = i.class JOIN rebuilt.uid t ON t.pk = i.syntax),
m_series AS (SELECT s.series_uid, y.study_uid, s.modality, s.number, s.attrs FROM main.series s JOIN main.study y ON y.pk = s.study),
r_series AS (SELECT s.series_uid, y.study_uid, s.modality, s.number, s.attrs FROM rebuilt.series s JOIN rebuilt.study y ON y.pk = s.study),
m_patient AS (SELECT site, issuer, patient_id, alone, names, attrs FROM main.patient),
r_patient AS (SELECT site, issuer, patient_id, alone, names, attrs FROM rebuilt.patient),
m_modality AS (SELECT y.study_uid, m.modality FROM main.study_modality m JOIN main.study y ON y.pk = m.study),
r_modality AS (SELECT y.study_uid, m.modality FROM rebuilt.study_modality m JOIN rebuilt.study y ON y.pk = m.study),
m_quarantine AS (SELECT seq, site, sop_uid, study_uid, series_uid, class, syntax, reason, pack, at, part10_len, head_len, digest, aet,
	received, sent, kind, event, gone FROM main.quarantine),
r_quarantine AS (SELECT seq, site, sop_uid, study_uid, series_uid, class, syntax, reason, pack, at, part10_len, head_len, digest, aet,
	received, sent, kind, event, gone FROM rebuilt.quarantine),
m_event AS (SELECT seq, at, kind, study_uid, number, who, why, done, records, reason, pack, place, series_uid, sop_uid FROM main.event),
r_event AS (SELECT seq, at, kind, study_uid, number, who, why, done, records, reason, pack, place, series_uid, sop_uid FROM rebuilt.event),
m_settled AS (SELECT p.seq, p.pack, p.at, p.part10_len, p.head_len, u.uid, p.digest, p.appendix_len, p.home
	FROM main.settled p JOIN main.uid u ON u.pk = p.syntax),
r_settled AS (SELECT p.seq, p.pack, p.at, p.part10_len, p.head_len, u.uid, p.digest, p.appendix_len, p.home
	FROM rebuilt.settled p JOIN rebuilt.uid u ON u.pk = p.syntax),
m_hold AS (SELECT study_uid, event FROM main.hold),
r_hold AS (SELECT study_uid, event FROM rebuilt.hold),
m_name AS (SELECT f.form, n.kind, n.part, COUNT(*) AS bearers FROM main.name n JOIN main.form f ON f.pk = n.form GROUP BY 1, 2, 3),
r_name AS (SELECT f.form, n.kind, n.part, COUNT(*) AS bearers FROM rebuilt.name n JOIN rebuilt.form f ON f.pk = n.form GROUP BY 1, 2, 3)
SELECT 'patient', (SELECT COUNT(*) FROM (SELECT * FROM m_patient EXCEPT SELECT * FROM r_patient))
	+ (SELECT COUNT(*) FROM (SELECT * FROM r_patient EXCEPT SELECT * FROM m_patient))
UNION ALL SELECT 'study', (SELECT COUNT(*) FROM (SELECT study_uid, site, study_date, accession, names, charset_note, attrs, p_site, issuer, patient_id, alone, n, b FROM m_study
		EXCEPT SELECT study_uid, site, study_date, accession, names, charset_note, attrs, p_site, issuer, patient_id, alone, n, b FROM r_study))
	+ (SELECT COUNT(*) FROM (SELECT study_uid, n FROM r_study EXCEPT SELECT study_uid, n FROM m_study))
UNION ALL SELECT 'series', (SELECT COUNT(*) FROM (SELECT * FROM m_series EXCEPT SELECT * FROM r_series))
	+ (SELECT COUNT(*) FROM (SELECT * FROM r_series EXCEPT SELECT * FROM m_series))
UNION ALL SELECT 'instance', (SELECT COUNT(*) FROM (SELECT * FROM m_instance EXCEPT SELECT * FROM r_instance))
	+ (SELECT COUNT(*) FROM (SELECT * FROM r_instance EXCEPT SELECT * FROM m_instance))
UNION ALL SELECT 'study_modality', (SELECT COUNT(*) FROM (SELECT * FROM m_modality EXCEPT SELECT * FROM r_modality))
	+ (SELECT COUNT(*) FROM (SELECT * FROM r_modality EXCEPT SELECT * FROM m_modality))
UNION ALL SELECT 'quarantine', (SELECT COUNT(*) FROM (SELECT * FROM m_quarantine EXCEPT SELECT * FROM r_quarantine))
	+ (SELECT COUNT(*) FROM (SELECT * FROM r_quarantine EXCEPT SELECT * FROM m_quarantine))
UNION ALL SELECT 'event', (SELECT COUNT(*) FROM (SELECT * FROM m_event EXCEPT SELECT * FROM r_event))
	+ (SELECT COUNT(*) FROM (SELECT * FROM r_event EXCEPT SELECT * FROM m_event))
UNION ALL SELECT 'settled', (SELECT COUNT(*) FROM (SELECT * FROM m_settled EXCEPT SELECT * FROM r_settled))
	+ (SELECT COUNT(*) FROM (SELECT * FROM r_settled EXCEPT SELECT * FROM m_settled))
UNION ALL SELECT 'hold', (SELECT COUNT(*) FROM (SELECT * FROM m_hold EXCEPT SELECT * FROM r_hold))
	+ (SELECT COUNT(*) FROM (SELECT * FROM r_hold EXCEPT SELECT * FROM m_hold))
UNION ALL SELECT 'name', (SELECT COUNT(*) FROM (SELECT * FROM m_name EXCEPT SELECT * FROM r_name))
	+ (SELECT COUNT(*) FROM (SELECT * FROM r_name EXCEPT SELECT * FROM m_name))
