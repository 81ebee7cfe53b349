-- sites and peers (the registry), and the index: everything below "derived" can be rebuilt from the packs.
-- Text keys compare byte by byte (SQLite's default collation; "C" elsewhere). Derived tables carry no foreign keys: one
-- writer fills them, parents first, and fsck proves them against the packs.
CREATE TABLE meta (key TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
INSERT INTO meta (key, value) VALUES ('text_form', '1'); -- TEXT_FORM of base/text.h that names are kept in

-- A site's number is never given again: scopes in use, and rows of a site that was removed, must not come to mean another.
CREATE TABLE site (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	code TEXT NOT NULL UNIQUE,
	name TEXT NOT NULL,
	tier TEXT NOT NULL,
	parent INTEGER REFERENCES site (id));
CREATE INDEX site_parent ON site (parent);
CREATE TABLE peer (
	id INTEGER PRIMARY KEY,
	site INTEGER NOT NULL REFERENCES site (id),
	aet TEXT NOT NULL,
	address TEXT NOT NULL,              -- where it may call from: '' any, or a range in its shortest spelling
	host TEXT NOT NULL,                 -- where we call it
	port INTEGER NOT NULL,
	private_classes INTEGER NOT NULL,
	max_associations INTEGER NOT NULL,
	UNIQUE (aet, address));
CREATE INDEX peer_site ON peer (site);

-- derived: UIDs that repeat (SOP classes, transfer syntaxes)
CREATE TABLE uid (pk INTEGER PRIMARY KEY, uid TEXT NOT NULL UNIQUE);

-- A patient is (site, issuer, ID). Without an ID nobody knows that two are one: alone then holds the study's UID.
-- The ID comes first in the key, so that it serves questions whatever their scope.
CREATE TABLE patient (
	pk INTEGER PRIMARY KEY,
	site INTEGER NOT NULL,
	issuer TEXT NOT NULL,
	patient_id TEXT NOT NULL,
	alone TEXT NOT NULL,
	names TEXT NOT NULL,                -- normal form of each component group, joined by =
	attrs BLOB NOT NULL,
	UNIQUE (patient_id, site, issuer, alone));

-- n_instances, bytes: without what still stands in stat_delta. attrs hold the patient's attributes as this study has them.
CREATE TABLE study (
	pk INTEGER PRIMARY KEY,
	study_uid TEXT NOT NULL UNIQUE,
	patient INTEGER NOT NULL,
	site INTEGER NOT NULL,
	study_date TEXT NOT NULL,           -- YYYYMMDD or ''
	accession TEXT NOT NULL,
	names TEXT NOT NULL,
	n_instances INTEGER NOT NULL DEFAULT 0,
	bytes INTEGER NOT NULL DEFAULT 0,
	attrs BLOB NOT NULL);
CREATE INDEX study_patient ON study (patient);
CREATE INDEX study_site ON study (site);
CREATE INDEX study_study_date ON study (study_date);
CREATE INDEX study_accession ON study (accession);

CREATE TABLE study_modality (
	study INTEGER NOT NULL,
	modality TEXT NOT NULL,
	PRIMARY KEY (study, modality)) WITHOUT ROWID;
CREATE TABLE study_class (
	study INTEGER NOT NULL,
	class INTEGER NOT NULL,
	PRIMARY KEY (study, class)) WITHOUT ROWID;

CREATE TABLE series (
	pk INTEGER PRIMARY KEY,
	series_uid TEXT NOT NULL UNIQUE,
	study INTEGER NOT NULL,
	modality TEXT NOT NULL,
	number INTEGER,
	n_instances INTEGER NOT NULL DEFAULT 0,
	bytes INTEGER NOT NULL DEFAULT 0,
	attrs BLOB NOT NULL);
CREATE INDEX series_study ON series (study);

CREATE TABLE instance (
	pk INTEGER PRIMARY KEY,
	sop_uid TEXT NOT NULL UNIQUE,
	series INTEGER NOT NULL,
	class INTEGER NOT NULL,
	syntax INTEGER NOT NULL,
	number INTEGER,
	pack INTEGER NOT NULL,
	at INTEGER NOT NULL,
	part10_len INTEGER NOT NULL,
	head_len INTEGER NOT NULL,
	digest BLOB NOT NULL,
	seq INTEGER NOT NULL,
	received INTEGER NOT NULL,
	attrs BLOB NOT NULL);
CREATE INDEX instance_series ON instance (series);

-- Names: each distinct normal form once, its grams once; name says who bears it (kind 0 patient, 1 study; part 1 to 3: its
-- component group).
CREATE TABLE form (pk INTEGER PRIMARY KEY, form TEXT NOT NULL UNIQUE);
CREATE TABLE name (
	form INTEGER NOT NULL,
	kind INTEGER NOT NULL,
	owner INTEGER NOT NULL,
	part INTEGER NOT NULL,
	PRIMARY KEY (form, kind, owner, part)) WITHOUT ROWID;
CREATE TABLE name_gram (
	gram TEXT NOT NULL,
	form INTEGER NOT NULL,
	PRIMARY KEY (gram, form)) WITHOUT ROWID;

CREATE TABLE quarantine (
	pk INTEGER PRIMARY KEY,
	seq INTEGER NOT NULL,
	site INTEGER NOT NULL,
	sop_uid TEXT NOT NULL,
	study_uid TEXT NOT NULL,
	series_uid TEXT NOT NULL,
	class TEXT NOT NULL,
	syntax TEXT NOT NULL,
	reason TEXT NOT NULL,
	pack INTEGER NOT NULL,
	at INTEGER NOT NULL,
	part10_len INTEGER NOT NULL,
	head_len INTEGER NOT NULL,
	digest BLOB NOT NULL,
	aet TEXT NOT NULL,
	received INTEGER NOT NULL);
CREATE INDEX quarantine_sop_uid ON quarantine (sop_uid);

-- One row for each instance taken in, until it is folded into series and study: no hot counter anywhere.
CREATE TABLE stat_delta (
	pk INTEGER PRIMARY KEY,
	study INTEGER NOT NULL,
	series INTEGER NOT NULL,
	n INTEGER NOT NULL,
	bytes INTEGER NOT NULL);
CREATE INDEX stat_delta_study ON stat_delta (study, series, n);
