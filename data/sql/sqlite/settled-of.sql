-- $1 settled pack -> does anything lie there, or is said there to lie elsewhere?
SELECT 1 FROM settled WHERE home = $1 LIMIT 1
