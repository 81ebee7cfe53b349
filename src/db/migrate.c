/* Brings a database to the newest schema: the files NNNN-name.sql in order, each in a transaction of its own. */
#include "base/log.h"
#include "db/driver.h"
#include <string.h>

static int newest(const struct db *d)
{
	int most = 0;

	for (const struct db_sql_file *f = d->files; f->name; f++)
		if (strcmp(f->engine, d->driver->name) == 0 && f->version > most)
			most = f->version;
	return most;
}

/* Files are sorted by name, so the first one above the version is the next. */
static const struct db_sql_file *after(const struct db *d, int64_t version)
{
	for (const struct db_sql_file *f = d->files; f->name; f++)
		if (strcmp(f->engine, d->driver->name) == 0 && f->version > version)
			return f;
	return NULL;
}

/* -1: the database is empty, and has not even the table for its version. */
static int read_version(struct db_conn *c, int64_t *version, struct err *e)
{
	const struct db_driver *driver = c->db->driver;
	int64_t n;
	int rc;

	if ((rc = db_one_int(c, driver->sql_has_version, &n, e)) < 0)
		return rc;
	if (n > 0)
		return db_one_int(c, "SELECT max(version) FROM schema_version", version, e);
	if ((rc = db_one_int(c, driver->sql_tables, &n, e)) < 0)
		return rc;
	if (n > 0)
		return err_set(e, E_UNSUP, "the database %s belongs to another program", c->db->place);
	*version = -1;
	return 0;
}

static int note_version(struct db_conn *c, int version, struct err *e)
{
	struct db_stmt *s;
	int rc = db_prepare(c, "INSERT INTO schema_version(version) VALUES ($1)", &s, e);

	if (rc < 0)
		return rc;
	db_bind_int(s, 1, version);
	return db_step(s, e);
}

/* Within a transaction: another process may have done this step since we looked. */
static int migrate_one(struct db_conn *c, struct err *e)
{
	const struct db_sql_file *f;
	int64_t version;
	int rc;

	if ((rc = read_version(c, &version, e)) < 0)
		return rc;
	if (version < 0)
		return db_exec(c, "CREATE TABLE schema_version(version INTEGER NOT NULL PRIMARY KEY)", e);
	if (!(f = after(c->db, version)))
		return 0;
	if ((rc = db_exec(c, f->text, e)) < 0 || (rc = note_version(c, f->version, e)) < 0) {
		err_prefix(e, "migration %s", f->name);
		return rc;
	}
	log_debug("database: migrated to schema %d (%s)", f->version, f->name);
	return 0;
}

static int migrate(struct db_conn *c, bool as_is, struct err *e)
{
	int64_t version, first = 0;
	int rc;

	for (;;) {
		if ((rc = read_version(c, &version, e)) < 0)
			return rc;
		c->db->version = (int)version;
		if (version > newest(c->db))
			return err_set(e, E_UNSUP,
				       "the database %s has schema version %d, made by a newer program; this one knows "
				       "versions up to %d",
				       c->db->place, (int)version, newest(c->db));
		if (version >= 0 && version == newest(c->db)) {
			if (first > 0)
				log_info("the index was brought from form %d to %d", (int)first, (int)version);
			return 0;
		}
		first = first ? first : version > 0 ? version : -1;
		if (as_is)
			return err_set(e, E_BUSY, "the database %s has schema version %d, made by an older program",
				       c->db->place, (int)version);
		if ((rc = db_begin(c, e)) < 0 || (rc = migrate_one(c, e)) < 0 || (rc = db_commit(c, e)) < 0)
			return rc;
	}
}

int db_migrate(struct db *d, bool as_is, struct err *e)
{
	struct db_conn *c;
	int rc;

	if ((rc = db_get(d, DB_WRITE, &c, e)) < 0)
		return rc;
	rc = migrate(c, as_is, e);
	db_put(c);
	return rc;
}
