-- Who may do what (access/access.h): accounts, tokens, certificates, sessions, studies opened in an emergency. Not derived from
-- the packs: a new index built from them lacks it, as it lacks sites and peers. Secrets are not here: proof is a password's
-- argon2id string, the BLAKE2b digest of a token or cookie, or a certificate's SHA-256. Times are microseconds since 1970.
CREATE TABLE holder (
	id INTEGER PRIMARY KEY AUTOINCREMENT, -- never given again: tokens in people's hands carry it
	kind INTEGER NOT NULL,              -- 1 account, 2 token, 3 certificate
	name TEXT NOT NULL,
	proof BLOB NOT NULL,
	roles INTEGER NOT NULL,
	store_as INTEGER NOT NULL,          -- site that what it stores belongs to; 0: none
	disabled INTEGER NOT NULL,
	created INTEGER NOT NULL,
	expires INTEGER NOT NULL,           -- 0: never
	used INTEGER NOT NULL,              -- last, to a few minutes; 0: never
	locked INTEGER NOT NULL DEFAULT 0,    -- a running node locked the account until then, after wrong passwords
	pardoned INTEGER NOT NULL DEFAULT 0); -- when the operator ended locks
CREATE UNIQUE INDEX holder_account ON holder (name) WHERE kind = 1;
CREATE UNIQUE INDEX holder_certificate ON holder (proof) WHERE kind = 3;
CREATE TABLE holder_site (
	holder INTEGER NOT NULL,
	site INTEGER NOT NULL,
	PRIMARY KEY (holder, site)) WITHOUT ROWID;
-- holder 0: a person known by OpenID Connect; name, roles and sites are what the provider said at login
CREATE TABLE session (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	proof BLOB NOT NULL UNIQUE,
	csrf TEXT NOT NULL,
	holder INTEGER NOT NULL,
	name TEXT NOT NULL,
	subject TEXT NOT NULL,              -- as struct principal has it
	roles INTEGER NOT NULL,
	sites TEXT NOT NULL,                -- keys with blanks between them
	address TEXT NOT NULL,              -- that it was begun from
	created INTEGER NOT NULL,
	used INTEGER NOT NULL,              -- last, to a minute
	until INTEGER NOT NULL);
CREATE INDEX session_holder ON session (holder);
CREATE INDEX session_until ON session (until);
CREATE TABLE glass (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	subject TEXT NOT NULL,              -- who, as struct principal has it
	name TEXT NOT NULL,
	address TEXT NOT NULL,
	study TEXT NOT NULL,
	site INTEGER NOT NULL,
	reason TEXT NOT NULL,
	created INTEGER NOT NULL,
	until INTEGER NOT NULL);
CREATE INDEX glass_until ON glass (until);
