-- names in normal form 2 (base/text.h). An index that holds nothing is of that form from now on; another one is moved to it
-- by the node while it serves: meta refresh_next is the key of the instance to go on with (archive/refresh.h).
UPDATE meta SET value = '2' WHERE key = 'text_form' AND NOT EXISTS (SELECT 1 FROM patient);
