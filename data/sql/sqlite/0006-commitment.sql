-- Storage commitment: who asked for which instances, what was found, and whether it was told. Not derived from the packs: a new
-- index built from them lacks it. state: 1 asked, 2 verified, 3 told, 4 given up. Times are microseconds since 1970.
CREATE TABLE commitment (
	id INTEGER PRIMARY KEY,
	site INTEGER NOT NULL,              -- of the one who asked
	aet TEXT NOT NULL,                  -- and his title
	transaction_uid TEXT NOT NULL,
	state INTEGER NOT NULL,
	n INTEGER NOT NULL,                 -- instances
	failed INTEGER NOT NULL,            -- of them, once verified
	tries INTEGER NOT NULL,
	asked INTEGER NOT NULL,             -- last
	changed INTEGER NOT NULL,
	due INTEGER NOT NULL,               -- when something is to be done about it
	why TEXT NOT NULL,                  -- it was not told last time
	items TEXT NOT NULL,                -- lines of class and instance UID, as they were asked
	verdicts BLOB NOT NULL,             -- a failure reason for each, two bytes, little endian; 0: committed
	UNIQUE (site, aet, transaction_uid));
CREATE INDEX commitment_due ON commitment (state, due);
