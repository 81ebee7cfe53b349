#include "archive/query.h"
#include "archive/registry.h"
#include "base/text.h"
#include "cmd/cmd.h"
#include "dicom/model.h"
#include <stdio.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>

#define KEYS_MOST 64
#define PATH_MOST 200 /* characters of a key */
#define ROW_MOST (4u << 20)

AUTO_TYPE(cursor, struct cursor *);

static struct {
	char *level;
	gint64 limit;
	gboolean fuzzy;
} opt;

static const GOptionEntry options[] = {
    {"level", 0, 0, G_OPTION_ARG_FILENAME, &opt.level, "patient, study (default), series or image", "LEVEL"},
    {"limit", 0, 0, G_OPTION_ARG_INT64, &opt.limit, "Print at most so many", "N"},
    {"fuzzy", 0, 0, G_OPTION_ARG_NONE, &opt.fuzzy, "Match names by pinyin, initials, in any order of words, too", NULL},
    G_OPTION_ENTRY_NULL,
};

struct column {
	uint32_t tag;
	int width; /* on a terminal */
	const char *title;
};
/* clang-format off */
/* What is printed when no more is asked for: the level's own attributes, its unique key last. */
static const struct column columns[][8] = {
	[LEVEL_PATIENT] = {
		{TAG(0x0010, 0x0010), 32, "PatientName"},
		{TAG(0x0010, 0x0030), 16, "PatientBirthDate"},
		{TAG(0x0010, 0x0040), 10, "PatientSex"},
		{TAG(0x0020, 0x1200), 7, "Studies"},
		{TAG(0x0010, 0x0020), 16, "PatientID"},
	},
	[LEVEL_STUDY] = {
		{TAG(0x0010, 0x0020), 12, "PatientID"},
		{TAG(0x0010, 0x0010), 32, "PatientName"},
		{TAG(0x0008, 0x0020), 9, "StudyDate"},
		{TAG(0x0008, 0x0061), 10, "Modalities"},
		{TAG(0x0020, 0x1208), 6, "Images"},
		{TAG(0x0008, 0x1030), 20, "StudyDescription"},
		{TAG(0x0020, 0x000D), 20, "StudyInstanceUID"},
	},
	[LEVEL_SERIES] = {
		{TAG(0x0008, 0x0060), 8, "Modality"},
		{TAG(0x0020, 0x0011), 12, "SeriesNumber"},
		{TAG(0x0020, 0x1209), 6, "Images"},
		{TAG(0x0008, 0x103E), 24, "SeriesDescription"},
		{TAG(0x0020, 0x000D), 48, "StudyInstanceUID"},
		{TAG(0x0020, 0x000E), 20, "SeriesInstanceUID"},
	},
	[LEVEL_IMAGE] = {
		{TAG(0x0020, 0x0013), 14, "InstanceNumber"},
		{TAG(0x0008, 0x0016), 29, "SOPClassUID"},
		{TAG(0x0020, 0x000E), 48, "SeriesInstanceUID"},
		{TAG(0x0008, 0x0018), 20, "SOPInstanceUID"},
	},
};
/* clang-format on */

/* The first column: whose it is. */
#define SITE_WIDTH 12
struct table {
	struct column columns[KEYS_MOST + 8];
	unsigned n;
	GHashTable *sites; /* number of a site -> its code */
};

static void add_column(struct table *t, struct column c)
{
	for (unsigned i = 0; i < t->n; i++)
		if (t->columns[i].tag == c.tag)
			return;
	t->columns[t->n++] = c;
}

/* A column for an attribute that was asked for besides. */
static struct column column_of(uint32_t tag, const char *word)
{
	const char *title = dict_keyword(tag)[0] ? dict_keyword(tag) : word;

	return (struct column){tag, strlen(title) > 16 ? (int)strlen(title) : 16, title};
}

static int note_site(void *arg, const struct site *s)
{
	struct table *t = arg;
	int64_t *id = g_new(int64_t, 1);

	*id = s->id;
	g_hash_table_insert(t->sites, id, g_strdup(s->code));
	return 0;
}

/* ---- keys */

static int level_of(const char *text, enum query_level *out)
{
	if (strcasecmp(text, "instance") == 0)
		text = "image";
	return query_level_parse(text, out);
}

/* The item of a sequence's key: there is one. */
static int item_of(struct dset *keys, uint32_t sequence, struct dset **item, struct err *e)
{
	const struct elem *el = dset_get(keys, sequence);

	if (el && el->n_items > 0) {
		*item = el->items[0];
		return 0;
	}
	return dset_put_item(keys, sequence, item, e);
}

/* Follows SEQUENCE.KEY down: *keys becomes the item that KEY belongs to. path: of tag[0], and of the last in tag[1]. */
static int follow(char *path, struct dset **keys, uint32_t tag[2], struct err *e)
{
	for (bool top = true;; top = false) {
		char *dot = strchr(path, '.');

		if (dot)
			*dot = '\0';
		if (dict_tag(path, &tag[1], e) < 0) {
			e->code = E_CONFIG;
			return -E_CONFIG;
		}
		if (top)
			tag[0] = tag[1];
		if (!dot)
			return 0;
		if (strcmp(dict_vr(tag[1]), "SQ") != 0)
			return err_set(e, E_CONFIG, "%s is no sequence: nothing is in it", path);
		if (item_of(*keys, tag[1], keys, e) < 0)
			return -(int)e->code;
		path = dot + 1;
	}
}

static int put_key(struct dset *keys, const char *word, struct table *t, struct err *e)
{
	const char *equals = strchr(word, '=');
	size_t n = equals ? (size_t)(equals - word) : strlen(word);
	const char *value = equals ? equals + 1 : "";
	char name[PATH_MOST];
	uint32_t tag[2]; /* of the column, of the key */
	int rc;

	if (n == 0 || n >= sizeof name)
		return err_set(e, E_CONFIG, "\"%.60s\": expected KEY=VALUE, such as PatientName=WANG*", word);
	snprintf(name, sizeof name, "%.*s", (int)n, word);
	if (!text_valid(value, strlen(value)))
		return err_set(e, E_CONFIG, "%s: the value is not UTF-8 text", name);
	if ((rc = follow(name, &keys, tag, e)) < 0)
		return rc;
	/* numbers, and what the dictionary does not know, come as text here */
	if ((rc = dset_put(keys, tag[1], vr_is_string(dict_vr(tag[1])) ? NULL : "LO", value, strlen(value), e)) < 0)
		return rc;
	add_column(t, column_of(tag[0], word));
	return 0;
}

static int make_keys(enum query_level level, char **words, struct table *t, struct dset **out, struct err *e)
{
	AUTO(dset) keys = NULL;
	int rc = dset_new(&keys, e);

	for (unsigned i = 0; rc == 0 && columns[level][i].tag; i++) {
		rc = dset_put_text(keys, columns[level][i].tag, "", e);
		add_column(t, columns[level][i]);
	}
	for (unsigned i = 0; rc == 0 && words[i]; i++) {
		if (i >= KEYS_MOST)
			return err_set(e, E_CONFIG, "more than %d keys", KEYS_MOST);
		rc = put_key(keys, words[i], t, e);
	}
	if (rc == 0)
		*out = STEAL(keys);
	return rc;
}

/* ---- printing */

int print_safely(const char *text)
{
	mbstate_t state = {0};
	int width = 0;
	wchar_t c;

	while (*text) {
		size_t n = mbrtowc(&c, text, MB_CUR_MAX, &state);

		if (n == (size_t)-1 || n == (size_t)-2) {
			n = 1;
			c = L'\0';
			state = (mbstate_t){0};
		}
		if (iswprint((wint_t)c)) {
			fwrite(text, 1, n, stdout);
			width += wcwidth(c);
		} else {
			putchar('?');
			width++;
		}
		text += n;
	}
	return width;
}

static void print_cell(const char *text, int width, bool last)
{
	int pad = width - print_safely(text);

	if (last)
		putchar('\n');
	else
		printf("%*s", (pad > 0 ? pad : 0) + 2, "");
}

static void print_heading(const struct table *t)
{
	print_cell("Site", SITE_WIDTH, false);
	for (unsigned i = 0; i < t->n; i++)
		print_cell(t->columns[i].title, t->columns[i].width, i + 1 == t->n);
}

static void print_number_or_text(const struct dset *row, const struct column *c, bool last)
{
	const struct elem *el = dset_get(row, c->tag);
	char number[24];

	if (el && el->n_items > 0) {
		snprintf(number, sizeof number, "%u item%s", el->n_items, el->n_items == 1 ? "" : "s");
		print_cell(number, c->width, last);
	} else if (!el || el->len == 0) {
		print_cell("", c->width, last);
	} else if (vr_is_string(el->vr)) {
		print_cell(dset_text(row, c->tag), c->width, last);
	} else {
		snprintf(number, sizeof number, "%lld", (long long)dset_int(row, c->tag, 0));
		print_cell(number, c->width, last);
	}
}

static int print_row(const struct common *c, const struct table *t, const struct dset *row, int64_t site, struct err *e)
{
	AUTO(buf) json = BUF(ROW_MOST);
	const char *code = g_hash_table_lookup(t->sites, &site);
	int rc;

	if (!c->json) {
		print_cell(code ? code : "?", SITE_WIDTH, false);
		for (unsigned i = 0; i < t->n; i++)
			print_number_or_text(row, &t->columns[i], i + 1 == t->n);
		return 0;
	}
	if ((rc = model_dset(row, MODEL_JSON, NULL, &json, e)) < 0)
		return rc;
	puts(buf_text(&json));
	return 0;
}

/* A line on standard error for a study whose text is not in the character set that its objects name. */
static int remark(struct archive *a, const struct dset *row, struct err *e)
{
	const char *uid = dset_text(row, TAG(0x0020, 0x000D));
	char note[CHARSET_NOTE];
	int rc = *uid ? query_charset_note(a, uid, note, e) : 0;

	if (rc > 0)
		fprintf(stderr, "study %s: text labelled %s\n", uid, note);
	return rc < 0 ? rc : 0;
}

static int print_matches(const struct common *c, struct archive *a, const struct query *q, const struct table *t,
			 struct err *e)
{
	AUTO(cursor) rows = NULL;
	const struct dset *row;
	bool first = true;
	int rc = query_open(a, q, &rows, e);

	while (rc == 0 && (rc = cursor_next(rows, &row, e)) == 1) {
		if (first && !c->json)
			print_heading(t);
		first = false;
		rc = print_row(c, t, row, cursor_site(rows), e);
		if (rc == 0 && q->level == LEVEL_STUDY && !c->json)
			rc = remark(a, row, e);
	}
	if (rc == 0 && first && !c->json)
		fputs("nothing found\n", stderr);
	return rc;
}

/* Says which keys do nothing, instead of leaving them out in silence. */
static void warn_of_keys(struct archive *a, const struct query *q, const struct table *t)
{
	static const char *const names[] = {"patient", "study", "series", "image"};

	for (unsigned i = 0; i < t->n; i++) {
		const struct column *c = &t->columns[i];
		bool creator = (c->tag >> 16 & 1) && (c->tag & 0xFFFF) < 0x1000;
		enum query_key key = creator ? QUERY_KEY_TAKEN : query_key(a, q, c->tag);

		if (key == QUERY_KEY_BELOW)
			fprintf(stderr, "teleread find: %s is of a level below %s: it is not looked at\n", c->title,
				names[q->level]);
		else if (key == QUERY_KEY_UNKNOWN)
			fprintf(stderr, "teleread find: %s is not kept in the index: it is not looked at\n", c->title);
	}
}

static int find(const struct common *c, struct archive *a, const struct query *q, struct table *t, struct err *e)
{
	int rc;

	t->sites = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
	warn_of_keys(a, q, t);
	if ((rc = site_each(a, note_site, t, e)) == 0)
		rc = print_matches(c, a, q, t, e);
	g_hash_table_destroy(t->sites);
	return rc;
}

int cmd_find(int argc, char **argv)
{
	static const struct usage usage = {
	    .name = "find",
	    .args = "[KEY=VALUE...]",
	    .text = "Prints what the index holds. KEY is a DICOM keyword or tag, or SEQUENCE.KEY; VALUE matches as in "
		    "C-FIND:\n"
		    "* and ? are wildcards, 20260101-20260131 is a range, an empty VALUE only adds a column.",
	    .options = options,
	    .json = true,
	    .most = -1,
	};
	AUTO(common) c = {0};
	AUTO(archive) a = NULL;
	AUTO(dset) keys = NULL;
	struct scope all;
	struct query q = {.relational = true, .scope = &all};
	struct table table = {0};
	struct err e = {0};
	int rc = common_parse(&c, &usage, &argc, &argv);

	if (rc >= 0)
		return rc;
	if (level_of(opt.level ? opt.level : "study", &q.level) < 0)
		return misused(usage.name, "--level %s: expected patient, study, series or image", opt.level);
	if (opt.limit < 0)
		return misused(usage.name, "--limit %lld: expected a positive number", (long long)opt.limit);
	if (make_keys(q.level, argv + 1, &table, &keys, &e) < 0 || open_beside(&c, false, &a, &e) < 0)
		return complain_input(usage.name, &e);
	all = scope_everything("teleread find");
	q.keys = keys;
	q.limit = (uint64_t)opt.limit;
	q.fuzzy = opt.fuzzy;
	rc = find(&c, a, &q, &table, &e);
	scope_cleanup(&all);
	return rc < 0 ? complain_input(usage.name, &e) : EXIT_DONE;
}
