-- accounts, disabled ones, too
SELECT count(*) FROM holder WHERE kind = 1
