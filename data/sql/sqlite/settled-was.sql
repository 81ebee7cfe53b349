-- $1 sequence number -> where the bytes of a record of the index lie (pack, offset and length of the Part 10 file with its appendix), and
-- the settled pack that says so (0: none)
SELECT coalesce(p.pack, i.pack), coalesce(p.at, i.at), coalesce(p.part10_len + p.appendix_len, i.part10_len), coalesce(p.home, 0)
FROM instance i LEFT JOIN settled p ON p.seq = i.pk WHERE i.pk = $1
UNION ALL SELECT coalesce(p.pack, q.pack), coalesce(p.at, q.at), coalesce(p.part10_len + p.appendix_len, q.part10_len), coalesce(p.home, 0)
FROM quarantine q LEFT JOIN settled p ON p.seq = q.seq WHERE q.seq = $1 LIMIT 1
