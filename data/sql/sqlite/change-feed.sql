-- $1 site -> id of the feeds, newest number of this one
SELECT m.value, coalesce((SELECT max(c.number) FROM change c WHERE c.site = $1), 0) FROM meta m WHERE m.key = 'feed'
