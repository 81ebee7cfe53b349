-- settled series: where their bytes lie, and the jobs that settle them

-- Derived from the packs. An instance's row, and one of quarantine, tells what was received; here is where its bytes lie by now. seq: of
-- the record; pack, at, part10_len, head_len, syntax, digest: of the Part 10 file; home: the settled pack that tells of it, which is
-- another than pack for what stays in a pack of its own.
CREATE TABLE settled (
	seq INTEGER PRIMARY KEY,
	pack INTEGER NOT NULL,
	at INTEGER NOT NULL,
	part10_len INTEGER NOT NULL,
	head_len INTEGER NOT NULL,
	syntax INTEGER NOT NULL,
	digest BLOB NOT NULL,
	appendix_len INTEGER NOT NULL,
	home INTEGER NOT NULL);
CREATE INDEX settled_home ON settled (home);
-- The settled packs, what each is of, and the records of what goes with it: kind as settle_extra_kind, at: where the record stands.
CREATE TABLE settled_pack (
	pack INTEGER PRIMARY KEY,
	event INTEGER NOT NULL,
	study_uid TEXT NOT NULL,
	series_uid TEXT NOT NULL,
	n INTEGER NOT NULL);                -- records that it tells of
CREATE TABLE settled_extra (
	pack INTEGER NOT NULL,
	kind INTEGER NOT NULL,
	at INTEGER NOT NULL,
	PRIMARY KEY (pack, kind)) WITHOUT ROWID;
-- What is to be given back: a record that another one stands for, or (seq 0) a settled pack that nothing may refer to any more.
CREATE TABLE reclaim (
	pack INTEGER NOT NULL,
	at INTEGER NOT NULL,                -- where the record's header stands; 0: the pack
	seq INTEGER NOT NULL,
	n INTEGER NOT NULL,                 -- bytes
	since INTEGER NOT NULL,             -- microseconds since 1970
	PRIMARY KEY (pack, at)) WITHOUT ROWID;

-- Series that are to be settled, or are. Not derived from the packs, but made again from the index (settle_notice). state: 1 waiting,
-- 2 failed, 3 done. Times are microseconds since 1970. lease, owner: until when somebody works on it, and which process; ticket:
-- counts leases, so that one that was lost is known.
CREATE TABLE settle_job (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	series_uid TEXT NOT NULL UNIQUE,
	state INTEGER NOT NULL,
	instances INTEGER NOT NULL,
	waiting INTEGER NOT NULL,           -- of them not settled
	open INTEGER NOT NULL,              -- bytes of those
	received INTEGER NOT NULL,          -- bytes of all Part 10 files as they came
	kept INTEGER NOT NULL,              -- and as they are
	newest INTEGER NOT NULL,            -- last arrival
	due INTEGER NOT NULL,
	lease INTEGER NOT NULL,
	owner INTEGER NOT NULL,
	ticket INTEGER NOT NULL,
	tries INTEGER NOT NULL,
	why TEXT NOT NULL);
CREATE INDEX settle_job_state ON settle_job (state, due);
