-- $1 study, $2 instance: the remark on the study's text is made anew by a refresh from its first instance on; not where one came
-- in behind the refresh, for the remark may be about that one
UPDATE study SET charset_note = '' WHERE pk = $1 AND charset_note <> ''
AND NOT EXISTS (SELECT 1 FROM series e JOIN instance i ON i.series = e.pk WHERE e.study = $1 AND (i.pk < $2
	OR i.pk > (SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'refresh_upto')))
