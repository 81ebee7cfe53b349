-- certificates of peers: tls 1: only TLS is spoken with it; certificate: SHA-256 of its own, '' none is known
ALTER TABLE peer ADD COLUMN tls INTEGER NOT NULL DEFAULT 0;
ALTER TABLE peer ADD COLUMN certificate TEXT NOT NULL DEFAULT '';
