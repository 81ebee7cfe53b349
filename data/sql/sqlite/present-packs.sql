-- packs that records with sequence numbers behind $1, up to $2, are in by the index, in order
SELECT coalesce(p.pack, i.pack) FROM instance i LEFT JOIN settled p ON p.seq = i.pk WHERE i.pk > $1 AND i.pk <= $2
UNION SELECT coalesce(p.pack, q.pack) FROM quarantine q LEFT JOIN settled p ON p.seq = q.seq WHERE q.seq > $1 AND q.seq <= $2
UNION SELECT pack FROM event WHERE seq > $1 AND seq <= $2 ORDER BY 1
