-- $1 code -> the site
SELECT s.id, s.code, s.name, s.tier, s.parent, p.code FROM site s LEFT JOIN site p ON p.id = s.parent WHERE s.code = $1
