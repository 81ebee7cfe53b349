#include "dicom/dict.h"
#include "dicom/dict_table.h"
#include "shim/shim.h"
#include <stdlib.h>
#include <string.h>

/* The toolkit's names for "one of several" and for what is no value at all. */
static const char *plain_vr(const char *vr)
{
	static const struct {
		const char *theirs, *ours;
	} map[] = {
	    {"ox", "OW"}, {"px", "OW"}, {"lt", "OW"}, {"xs", "US"}, {"up", "UL"}, {"ob", "OB"},
	};

	for (size_t i = 0; i < sizeof(map) / sizeof(*map); i++)
		if (!strcmp(vr, map[i].theirs))
			return map[i].ours;
	return strlen(vr) == 2 && vr[0] >= 'A' && vr[0] <= 'Z' && vr[1] >= 'A' && vr[1] <= 'Z' ? vr : "UN";
}

struct growing {
	struct dict_entry *tags;
	struct uid_entry *uids;
	size_t n, room;
};

static int add_tag(void *arg, uint32_t tag, const char *vr, int many, const char *keyword)
{
	struct growing *g = arg;
	struct dict_entry *d;

	if (g->n == g->room) {
		size_t room = g->room ? g->room * 2 : 4096;

		if (!(d = reallocarray(g->tags, room, sizeof(*d))))
			return -1;
		g->tags = d;
		g->room = room;
	}
	d = &g->tags[g->n];
	d->tag = tag;
	d->many = many;
	memcpy(d->vr, plain_vr(vr), 3);
	if (!(d->keyword = strdup(keyword)))
		return -1;
	g->n++;
	return 0;
}

static int tag_order(const void *a, const void *b)
{
	uint32_t x = ((const struct dict_entry *)a)->tag, y = ((const struct dict_entry *)b)->tag;

	return (x > y) - (x < y);
}

static int keyword_order(const void *a, const void *b)
{
	return strcmp((*(struct dict_entry *const *)a)->keyword, (*(struct dict_entry *const *)b)->keyword);
}

static int load_tags(struct err *e)
{
	struct growing g = {0};
	struct dict_entry **by_keyword;

	if (shim_dict_each(add_tag, &g) < 0 || g.n == 0)
		return err_set(e, E_CONFIG, "the data dictionary cannot be read: %s", shim_error());
	if (!(by_keyword = calloc(g.n, sizeof(struct dict_entry *))))
		return err_set(e, E_NOMEM, "no memory for the data dictionary");
	qsort(g.tags, g.n, sizeof(*g.tags), tag_order);
	for (size_t i = 0; i < g.n; i++)
		by_keyword[i] = &g.tags[i];
	qsort(by_keyword, g.n, sizeof(struct dict_entry *), keyword_order);
	dict_table.by_tag = g.tags;
	dict_table.by_keyword = by_keyword;
	dict_table.n = g.n;
	return 0;
}

static int add_uid(void *arg, const char *uid, const char *name)
{
	struct growing *g = arg;
	struct uid_entry *u;

	if (g->n == g->room) {
		size_t room = g->room ? g->room * 2 : 256;

		if (!(u = reallocarray(g->uids, room, sizeof(*u))))
			return -1;
		g->uids = u;
		g->room = room;
	}
	u = &g->uids[g->n];
	if (!(u->uid = strdup(uid)))
		return -1;
	if (!(u->name = strdup(name))) {
		free((char *)u->uid);
		return -1;
	}
	g->n++;
	return 0;
}

static int uid_order(const void *a, const void *b)
{
	return strcmp(((const struct uid_entry *)a)->uid, ((const struct uid_entry *)b)->uid);
}

static int load_storage(struct err *e)
{
	struct growing g = {0};
	size_t kept = 0;

	/* Our list comes first: its names are the standard's where the toolkit has short ones of its own. */
	for (const struct uid_entry *u = storage_more; u->uid; u++)
		if (add_uid(&g, u->uid, u->name) < 0)
			return err_set(e, E_NOMEM, "no memory for the storage classes");
	if (shim_storage_each(add_uid, &g) < 0)
		return err_set(e, E_CONFIG, "the storage classes cannot be read: %s", shim_error());
	qsort(g.uids, g.n, sizeof(*g.uids), uid_order);
	for (size_t i = 0; i < g.n; i++) {
		if (kept > 0 && !strcmp(g.uids[kept - 1].uid, g.uids[i].uid)) {
			free((char *)g.uids[i].uid);
			free((char *)g.uids[i].name);
			continue;
		}
		g.uids[kept++] = g.uids[i];
	}
	storage_table.v = g.uids;
	storage_table.n = kept;
	return 0;
}

int dict_setup(struct err *e)
{
	int rc;

	if (dict_table.n > 0)
		return 0;
	if ((rc = load_tags(e)) < 0)
		return rc;
	return load_storage(e);
}
