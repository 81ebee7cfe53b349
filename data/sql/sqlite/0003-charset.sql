-- What a study's text is likely written in when that is not what its objects say: "ISO_IR 100 is GB18030"; '' when they agree.
ALTER TABLE study ADD COLUMN charset_note TEXT NOT NULL DEFAULT '';
CREATE INDEX study_charset_note ON study (charset_note) WHERE charset_note <> '';
