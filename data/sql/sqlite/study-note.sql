-- $1 study, $2 what its text is likely written in; the first remark stays
UPDATE study SET charset_note = $2 WHERE pk = $1 AND charset_note = ''
