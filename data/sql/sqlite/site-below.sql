-- $1 site -> it and every site below it
WITH RECURSIVE below (id) AS (
	SELECT id FROM site WHERE id = $1
	UNION
	SELECT s.id FROM site s JOIN below b ON s.parent = b.id)
SELECT id FROM below ORDER BY id
