-- what happened to instances, numbered for each site (archive/change.h)

-- Entity tags are made with it, so that they tell nothing of the numbers they are made of.
INSERT INTO meta (key, value) VALUES ('tag_seed', lower(hex(randomblob(8))));
