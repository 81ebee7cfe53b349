-- locks are a running node's: what is left of an earlier one
UPDATE holder SET locked = 0 WHERE locked > 0
