-- $1 pack, $2 where a record stands: it is in use
DELETE FROM reclaim WHERE pack = $1 AND at = $2
