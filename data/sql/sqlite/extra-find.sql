-- $1 tag, $2 creator, $3 VR, $4 level -> code
SELECT code FROM extra_attr WHERE tag = $1 AND creator = $2 AND vr = $3 AND level = $4
