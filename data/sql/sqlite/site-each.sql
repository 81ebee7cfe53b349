-- all sites
SELECT s.id, s.code, s.name, s.tier, s.parent, p.code FROM site s LEFT JOIN site p ON p.id = s.parent ORDER BY s.code
