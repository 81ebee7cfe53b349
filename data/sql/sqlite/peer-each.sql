-- all peers
SELECT p.id, p.site, p.aet, s.code, p.host, p.address, p.port, p.private_classes, p.max_associations, p.tls, p.certificate
FROM peer p JOIN site s ON s.id = p.site ORDER BY p.aet, p.address
