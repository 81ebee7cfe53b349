-- what happened to instances, numbered for each site (archive/change.h)

-- Entity tags are made with it, so that they tell nothing of the numbers they are made of.
INSERT INTO meta (key, value) VALUES ('tag_seed', lower(hex(randomblob(8))));

-- A feed for each site, numbered from 1 without gaps. kind: 1 stored, 2 dropped, 3 restored, 4 replaced. seq: of the instance,
-- which is in table instance or in quarantine: UIDs are looked up there. event: the decision that did it; 0: it arrived.
-- Not derived from the packs; meta feed is another when a new index is built from them.
CREATE TABLE change (
	site INTEGER NOT NULL,
	number INTEGER NOT NULL,
	kind INTEGER NOT NULL,
	seq INTEGER NOT NULL,
	event INTEGER NOT NULL,
	PRIMARY KEY (site, number)) WITHOUT ROWID;
INSERT INTO meta (key, value) VALUES ('feed', lower(hex(randomblob(16))));
INSERT INTO change (site, number, kind, seq, event)
SELECT s.site, row_number() OVER (PARTITION BY s.site ORDER BY i.pk), 1, i.pk, 0
FROM study s JOIN series e ON e.study = s.pk JOIN instance i ON i.series = e.pk
ORDER BY 1, 2;

-- A decision about a part of a study: a series, or one instance of it; '' where it is about all of it.
ALTER TABLE event ADD COLUMN series_uid TEXT NOT NULL DEFAULT '';
ALTER TABLE event ADD COLUMN sop_uid TEXT NOT NULL DEFAULT '';
