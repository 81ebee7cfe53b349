-- What is kept but not shown, and the decisions about it. An instance's key is its sequence number from now on: the key of
-- one that is dropped never comes to mean another, and one that comes back has it again.
UPDATE instance SET pk = -seq WHERE pk <> seq;
UPDATE instance SET pk = -pk WHERE pk < 0;

-- kind: contradiction, unreadable, dropped, replaced. event: the decision that brought it here, 0 for none; gone: the one
-- that discarded it, 0 while it waits.
ALTER TABLE quarantine ADD COLUMN kind TEXT NOT NULL DEFAULT 'contradiction';
ALTER TABLE quarantine ADD COLUMN event INTEGER NOT NULL DEFAULT 0;
ALTER TABLE quarantine ADD COLUMN gone INTEGER NOT NULL DEFAULT 0;
CREATE UNIQUE INDEX quarantine_seq ON quarantine (seq);
CREATE INDEX quarantine_study_uid ON quarantine (study_uid);

-- The operator's decisions, derived from the packs like the rest. done: 0 when it had no effect, and reason says why.
CREATE TABLE event (
	seq INTEGER PRIMARY KEY,
	at INTEGER NOT NULL,                -- microseconds since 1970
	kind TEXT NOT NULL,
	study_uid TEXT NOT NULL,
	number INTEGER NOT NULL,            -- the record it is about; 0 for none
	who TEXT NOT NULL,
	why TEXT NOT NULL,
	done INTEGER NOT NULL,
	records INTEGER NOT NULL,           -- how many it moved
	reason TEXT NOT NULL,
	pack INTEGER NOT NULL,
	place INTEGER NOT NULL);
CREATE INDEX event_study_uid ON event (study_uid);
CREATE TABLE hold (study_uid TEXT NOT NULL PRIMARY KEY, event INTEGER NOT NULL) WITHOUT ROWID;

-- to take away the names of a study or patient that goes
CREATE INDEX name_owner ON name (owner, kind);
