-- $1 study: what was not folded yet
DELETE FROM stat_delta WHERE study = $1
