-- $1 time: what was told or given up before it is forgotten
DELETE FROM commitment WHERE state >= 3 AND changed < $1
