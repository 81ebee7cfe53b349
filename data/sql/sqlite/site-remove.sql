-- $1 site
DELETE FROM site WHERE id = $1
