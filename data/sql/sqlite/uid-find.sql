-- $1 UID of the dictionary of repeated ones -> key
SELECT pk FROM uid WHERE uid = $1
