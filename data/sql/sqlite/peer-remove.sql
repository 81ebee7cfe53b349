-- $1 AE title, $2 site or 0 for any
DELETE FROM peer WHERE aet = $1 AND (site = $2 OR $2 = 0)
