-- $1 holder -> its sites that are still there
SELECT s.id, s.code FROM holder_site h JOIN site s ON s.id = h.site WHERE h.holder = $1 ORDER BY s.code
