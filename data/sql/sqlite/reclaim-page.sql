-- $1 and $2 pack and place, behind which to go on; $3 since then, $4 most -> what is to be given back: pack, place, record, bytes
SELECT pack, at, seq, n FROM reclaim WHERE (pack, at) > ($1, $2) AND since <= $3 ORDER BY pack, at LIMIT $4
