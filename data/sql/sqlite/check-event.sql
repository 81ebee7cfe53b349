-- fsck: $1 sequence number -> where its row says the event is
SELECT pack, place FROM event WHERE seq = $1
