-- $1 kind, $2 name
SELECT h.id, h.kind, h.name, h.proof, h.roles, h.store_as, coalesce(s.code, ''), h.disabled, h.created, h.expires, h.used, h.locked, h.pardoned
FROM holder h LEFT JOIN site s ON s.id = h.store_as WHERE h.kind = $1 AND h.name = $2
