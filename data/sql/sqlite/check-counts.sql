-- fsck: studies whose counts (folded and not) differ from what is there
SELECT study.study_uid FROM study
WHERE study.n_instances + COALESCE((SELECT SUM(n) FROM stat_delta WHERE stat_delta.study = study.pk), 0)
   <> (SELECT COUNT(*) FROM series JOIN instance ON instance.series = series.pk WHERE series.study = study.pk)
LIMIT 100
