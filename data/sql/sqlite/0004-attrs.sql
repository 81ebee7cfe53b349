-- Attributes that are kept because the configuration says so. A code, once given, means this attribute for ever: kept
-- attributes of all levels carry it, and configurations may come back. Not derived from the packs.
CREATE TABLE extra_attr (
	code INTEGER PRIMARY KEY,
	tag INTEGER NOT NULL,               -- of a private attribute without its block
	creator TEXT NOT NULL,              -- '' for the standard's attributes
	vr TEXT NOT NULL,
	level INTEGER NOT NULL,             -- 0 patient to 3 image
	UNIQUE (tag, creator, vr, level));
