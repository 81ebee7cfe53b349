-- $1: those told, too -> all, in the order they were asked, without their instances
SELECT c.id, c.site, c.aet, c.transaction_uid, c.state, c.n, c.failed, c.tries, c.asked, c.changed, c.due, c.why,
	COALESCE(s.code, '')
FROM commitment c LEFT JOIN site s ON s.id = c.site WHERE c.state <> 3 OR $1 ORDER BY c.asked, c.id
