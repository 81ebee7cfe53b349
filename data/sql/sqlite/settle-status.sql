-- $1 now, $2 this process (0: any) -> for each state, how many jobs that nobody works on, how many of them somebody does, instances that are not settled,
-- their bytes, bytes of all as they came and as they are
SELECT state, sum(NOT (lease > $1 AND (owner = $2 OR $2 = 0))), sum(lease > $1 AND (owner = $2 OR $2 = 0)), sum(waiting), sum(open), sum(received), sum(kept)
FROM settle_job GROUP BY state
