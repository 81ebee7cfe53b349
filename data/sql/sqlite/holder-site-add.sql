INSERT INTO holder_site (holder, site) VALUES ($1, $2) ON CONFLICT DO NOTHING
