-- reindex --prove: $1 path of the database rebuilt from the packs, seen as "rebuilt" by this connection
ATTACH DATABASE $1 AS rebuilt
