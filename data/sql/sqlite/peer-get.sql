-- $1 AE title -> all peers of that title
SELECT p.id, p.site, p.aet, s.code, p.host, p.address, p.port, p.private_classes, p.max_associations, p.tls, p.certificate
FROM peer p JOIN site s ON s.id = p.site WHERE p.aet = $1 ORDER BY p.id
