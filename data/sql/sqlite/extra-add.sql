-- $1 tag, $2 creator, $3 VR, $4 level, $5 the lowest code -> code
INSERT INTO extra_attr (code, tag, creator, vr, level)
VALUES ((SELECT COALESCE(MAX(code) + 1, $5) FROM extra_attr), $1, $2, $3, $4) RETURNING code
