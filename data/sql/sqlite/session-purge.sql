-- those that are over at $1, or were not used since $2
DELETE FROM session WHERE until <= $1 OR used <= $2
