-- backup: -> how many instances
SELECT COUNT(*) FROM instance
