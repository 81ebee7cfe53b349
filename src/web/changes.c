#include "web/changes.h"
#include "base/clock.h"
#include "web/handlers.h"
#include "web/json.h"
#include "web/params.h"
#include "web/reply.h"
#include <inttypes.h>
#include <string.h>

#define LIMIT 1000
#define LIMIT_MOST 100000
#define PAGE 500u /* entries for one filling; each is below 512 bytes */

int change_json(struct buf *out, const char *site, const struct change *c, struct err *e)
{
	const struct {
		const char *name, *value;
	} uids[] = {{"study", c->study}, {"series", c->series}, {"instance", c->sop_instance}, {"class", c->sop_class}};
	char when[32];
	int rc = buf_byte(out, '{', e);

	if (rc == 0 && site)
		rc = json_member(out, "site", site, e);
	if (rc < 0 || (rc = json_number(out, "number", (int64_t)c->number, e)) < 0 ||
	    (rc = json_member(out, "kind", change_name(c->kind), e)) < 0 ||
	    (rc = json_member(out, "at", clock_text(c->at_us, when), e)) < 0)
		return rc;
	for (size_t i = 0; rc == 0 && i < sizeof uids / sizeof *uids; i++)
		if (uids[i].value[0])
			rc = json_member(out, uids[i].name, uids[i].value, e);
	return rc < 0 ? rc : buf_byte(out, '}', e);
}

/* ---- GET /api/changes */

struct feed {
	struct archive *archive;
	int64_t site;
	uint64_t since, left;
	struct change_feed feed;
	char code[33];
	bool begun, first;
	struct buf *out;
	struct err *e;
	uint64_t seen;
};

static int seen(void *arg, const struct change *c)
{
	struct feed *f = arg;
	int rc = f->first ? 0 : buf_str(f->out, ",\n", f->e);

	if (rc < 0 || (rc = change_json(f->out, NULL, c, f->e)) < 0)
		return rc;
	f->first = false;
	f->since = c->number;
	f->seen++;
	return 0;
}

static int begin(struct feed *f)
{
	int rc;

	f->begun = true;
	if ((rc = buf_byte(f->out, '{', f->e)) < 0 || (rc = json_member(f->out, "site", f->code, f->e)) < 0)
		return rc;
	if ((rc = json_member(f->out, "feed", f->feed.id, f->e)) < 0)
		return rc;
	return buf_str(f->out, ",\"changes\":[\n", f->e);
}

static int finish(struct feed *f)
{
	int rc = buf_str(f->out, "]", f->e);

	if (rc < 0 || (rc = json_number(f->out, "next", (int64_t)f->since, f->e)) < 0 ||
	    (rc = json_number(f->out, "last", (int64_t)f->feed.last, f->e)) < 0)
		return rc;
	return (rc = buf_str(f->out, "}\n", f->e)) < 0 ? rc : HTTP_END;
}

static int fill(void *arg, struct buf *out, struct err *e)
{
	struct feed *f = arg;
	uint64_t page = f->left < PAGE ? f->left : PAGE;
	int rc;

	f->out = out;
	f->e = e;
	f->seen = 0;
	if (!f->begun && (rc = begin(f)) < 0)
		return rc;
	if (page && (rc = change_each(f->archive, f->site, f->since, page, seen, f, &f->feed, e)) < 0)
		return rc;
	f->left -= f->seen;
	return f->seen < page || f->left == 0 ? finish(f) : HTTP_MORE;
}

/* The site that is asked for, or the only one there is in the scope. What is not in it looks as what does not exist. */
static int find_site(struct exchange *x, struct site *out, struct err *e)
{
	const char *code = url_query_get(&x->query, "site");
	struct err own = {0};
	int rc;

	if (!code)
		code = x->who->site_code;
	if (!*code)
		return err_set(e, E_INVAL, "which site? expected the parameter site=CODE");
	if ((rc = site_get(x->archive, code, out, &own)) == -E_NOENT || (rc == 0 && !scope_has(x->scope, out->id)))
		return err_set(e, E_NOENT, "no such site");
	if (rc < 0)
		*e = own;
	return rc;
}

static int none(void *arg, const struct change *c)
{
	(void)arg;
	(void)c;
	return 1;
}

/* Numbers are those of one feed. Who followed another one (the index was built anew) begins again. */
static int place(struct exchange *x, struct feed *f, struct err *e)
{
	const char *followed = url_query_get(&x->query, "feed");
	int rc = change_each(x->archive, f->site, INT64_MAX, 1, none, NULL, &f->feed, e);

	if (rc >= 0 && followed && strcmp(followed, f->feed.id) != 0)
		f->since = 0;
	return rc < 0 ? rc : 0;
}

int changes_list(struct exchange *x, struct err *e)
{
	static const struct http_source source = {.fill = fill, .close = NULL};
	struct site site;
	uint64_t since, limit;
	struct feed *f;
	int rc;

	if ((rc = param_number(x, "since", 0, INT64_MAX, &since, e)) < 0 ||
	    (rc = param_number(x, "limit", LIMIT, LIMIT_MOST, &limit, e)) < 0 || (rc = find_site(x, &site, e)) < 0)
		return rc;
	if (!(f = calloc(1, sizeof *f)))
		return err_set(e, E_NOMEM, "no memory for a request");
	*f = (struct feed){.archive = x->archive, .site = site.id, .since = since, .left = limit, .first = true};
	memcpy(f->code, site.code, sizeof f->code);
	if ((rc = exchange_keep(x, f, free, e)) < 0 || (rc = place(x, f, e)) < 0)
		return rc;
	return reply_stream(x, 200, "application/json", -1, &source, f, e);
}
