-- $1 series UID, $2 kind of the notes -> the last settled pack that tells of an instance of it, and where the record of its notes stands
SELECT x.pack, x.at FROM settled_extra x WHERE x.kind = $2 AND x.pack = (SELECT max(p.home)
	FROM series e JOIN instance i ON i.series = e.pk JOIN settled p ON p.seq = i.pk WHERE e.series_uid = $1)
