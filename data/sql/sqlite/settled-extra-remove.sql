-- $1 settled pack
DELETE FROM settled_extra WHERE pack = $1
