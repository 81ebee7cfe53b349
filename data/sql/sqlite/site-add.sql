-- code, name, tier, parent (NULL: none) -> key
INSERT INTO site (code, name, tier, parent) VALUES ($1, $2, $3, $4) RETURNING id
