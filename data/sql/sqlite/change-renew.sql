-- the feeds are others from now on
UPDATE meta SET value = lower(hex(randomblob(16))) WHERE key = 'feed'
