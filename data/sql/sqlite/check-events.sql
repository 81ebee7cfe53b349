-- fsck: $1 and $2 sequence numbers -> the next decisions behind $1, none later than $2
SELECT seq, 'decision ' || seq || ' (' || kind || ')', pack, place FROM event
WHERE seq > $1 AND seq <= $2 ORDER BY seq LIMIT 500
