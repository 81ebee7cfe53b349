-- $1 sequence number -> where its bytes lie now: pack, and where the record stands behind whose header they are
SELECT pack, at, digest FROM settled WHERE seq = $1
