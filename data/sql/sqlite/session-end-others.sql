-- all of a holder but $2 (0: all)
DELETE FROM session WHERE holder = $1 AND id <> $2
