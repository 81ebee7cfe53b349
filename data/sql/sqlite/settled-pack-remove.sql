-- $1 settled pack
DELETE FROM settled_pack WHERE pack = $1
