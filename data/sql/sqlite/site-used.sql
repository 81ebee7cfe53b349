-- $1 site -> what belongs to it: sites, peers, patients or records in quarantine
SELECT (SELECT count(*) FROM site WHERE parent = $1), (SELECT count(*) FROM peer WHERE site = $1),
	EXISTS (SELECT 1 FROM patient WHERE site = $1), EXISTS (SELECT 1 FROM quarantine WHERE site = $1)
