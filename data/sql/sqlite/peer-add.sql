-- a peer
INSERT INTO peer (site, aet, address, host, port, private_classes, max_associations, tls,
	certificate)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
