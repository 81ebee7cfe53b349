-- fsck: $1 sequence number -> how many rows are not later
SELECT COUNT(*) FROM instance WHERE seq <= $1
