-- fsck: $1 sequence number -> where its row says the settled record is; is it of an instance?
SELECT p.pack, p.at, p.part10_len, p.head_len, p.appendix_len, p.digest, EXISTS (SELECT 1 FROM instance i WHERE i.pk = p.seq)
FROM settled p WHERE p.seq = $1
