-- $1 study: SOP classes that no instance of it has
DELETE FROM study_class WHERE study = $1
	AND class NOT IN (SELECT i.class FROM series e JOIN instance i ON i.series = e.pk WHERE e.study = $1)
