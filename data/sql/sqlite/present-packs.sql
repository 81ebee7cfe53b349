-- packs that records with sequence numbers behind $1, up to $2, are in by the index, in order
SELECT pack FROM instance WHERE pk > $1 AND pk <= $2
UNION SELECT pack FROM quarantine WHERE seq > $1 AND seq <= $2
UNION SELECT pack FROM event WHERE seq > $1 AND seq <= $2 ORDER BY 1
