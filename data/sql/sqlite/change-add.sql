-- $1 site, $2 kind, $3 sequence number of the instance, $4 decision or 0: the next row of the site's feed
INSERT INTO change (site, number, kind, seq, event)
SELECT $1, coalesce((SELECT max(number) FROM change WHERE site = $1), 0) + 1, $2, $3, $4
