-- $1 last delta that is folded
DELETE FROM stat_delta WHERE pk <= $1
