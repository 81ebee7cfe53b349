-- What a coercion rule changed has another digest than what was sent: by this one the same is known again when it is sent
-- again. NULL where nothing was changed.
ALTER TABLE instance ADD COLUMN sent BLOB;
ALTER TABLE quarantine ADD COLUMN sent BLOB;
