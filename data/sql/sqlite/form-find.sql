-- $1 normal form of a name -> key
SELECT pk FROM form WHERE form = $1
