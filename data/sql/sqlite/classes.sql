-- $1 study -> its SOP classes
SELECT u.uid FROM study_class x JOIN uid u ON u.pk = x.class WHERE x.study = $1 ORDER BY u.uid
