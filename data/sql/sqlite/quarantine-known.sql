-- $1 SOP Instance UID, $2 site, $3 length of the data set, $4 digest, $5 syntax, $6 digest of what was sent -> reason, when the
-- very same was sent before and could not be taken
SELECT reason FROM quarantine
WHERE sop_uid = $1 AND site = $2 AND syntax = $5 AND kind IN ('contradiction', 'unreadable')
	AND ((part10_len - head_len = $3 AND digest = $4) OR (COALESCE(sent, digest) = $6 AND (sent IS NOT NULL OR $6 <> $4))) LIMIT 1
