#include "access/audit.h"
#include "access/chain.h"
#include "base/alert.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/text.h"
#include <libxml/parser.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define ENTRIES 256u /* different repeated events within the window; one more writes the oldest out */
#define TICK_S 1
#define REFUSED_EACH 16u /* different refusals of one address within the window that are told one by one */
#define MESSAGE_MOST CHAIN_TEXT_MOST

static struct metric m_events =
    METRIC(COUNTER, "teleread_audit_events_total", "", "Events of the audit trail, repeated ones included");
static struct metric m_lost = METRIC(COUNTER, "teleread_audit_lost_total", "", "Events that could not be written");

/* An event with its strings, made plain UTF-8 without control characters. */
struct kept {
	enum audit_kind kind;
	bool failed;
	char who[129], how[16], address[64], study[65], patient_id[65], what[512];
};
struct entry {
	bool used;
	struct kept is;
	int64_t begun_us;             /* monotonic */
	uint64_t repeated, instances; /* not written yet */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* over all below, but for the chain's own */
static struct {
	struct chain *chain; /* NULL: not open */
	struct syslog *syslog;
	struct entry *entries;
	char node[17];
	uint64_t lost;
	bool stopping;
	int (*patient_of)(void *arg, const char *study, char out[65]);
	void *arg;
	unsigned waiting; /* callers that wait for the disk or the index */
	pthread_t keeper;
	pthread_cond_t wake, quiet;
} book = {.wake = PTHREAD_COND_INITIALIZER, .quiet = PTHREAD_COND_INITIALIZER};

/* ---- writing */

static bool repeats(enum audit_kind k)
{
	return k == AUDIT_QUERY || k == AUDIT_ACCESS || k == AUDIT_RECEIVED || k == AUDIT_SENT || k == AUDIT_REFUSED;
}

/* What somebody may have to answer for is on the disk before it happens. */
static bool synced(const struct audit_event *ev)
{
	return !repeats(ev->kind) && !ev->failed;
}

static int write_message(const struct kept *k, uint64_t repeated, uint64_t instances, struct err *e)
{
	AUTO(buf) text = BUF(MESSAGE_MOST);
	const struct audit_event ev = {
	    .kind = k->kind,
	    .failed = k->failed,
	    .who = k->who,
	    .how = k->how,
	    .address = k->address,
	    .study = k->study,
	    .patient_id = k->patient_id,
	    .what = k->what,
	    .instances = instances,
	};
	int rc = audit_message(&ev, book.node, clock_wall_us(), repeated, &text, e);

	if (rc == 0)
		rc = chain_append(book.chain, buf_text(&text), text.len, e);
	return rc;
}

/* Events that were lost while the disk was full are at least counted in the trail. */
static void say_lost(void)
{
	struct kept k = {.kind = AUDIT_LOST, .failed = true};
	uint64_t lost = book.lost;

	snprintf(k.what, sizeof k.what, "%llu events could not be written", (unsigned long long)lost);
	if (lost && write_message(&k, 0, 0, NULL) == 0)
		book.lost -= lost;
}

/* Lock not held. */
static void sync_chain(void)
{
	struct err e = {0};

	if (chain_sync(book.chain, &e) == 0)
		return;
	log_error("audit trail: %s", e.msg);
	alert_raise(ALERT_SPACE, AUDIT_FOLDER, "the audit trail may not be on the disk: %s", e.msg);
}

static void write_kept(const struct kept *k, uint64_t repeated, uint64_t instances)
{
	struct err e = {0};

	say_lost();
	if (write_message(k, repeated, instances, &e) == 0) {
		syslog_news(book.syslog);
		return;
	}
	if (book.lost++ == 0)
		log_error("audit trail: %s", e.msg);
	metric_add(&m_lost, 1);
	alert_raise(ALERT_SPACE, AUDIT_FOLDER, "the audit trail cannot be written: %s", e.msg);
}

/* ---- what is repeated */

static bool same(const struct kept *a, const struct kept *b)
{
	return a->kind == b->kind && a->failed == b->failed && strcmp(a->study, b->study) == 0 &&
	       strcmp(a->who, b->who) == 0 && strcmp(a->address, b->address) == 0 && strcmp(a->how, b->how) == 0 &&
	       strcmp(a->what, b->what) == 0;
}

static void settle(struct entry *t)
{
	if (t->repeated > 0)
		write_kept(&t->is, t->repeated, t->instances);
	t->used = false;
}

/* Its entry, where it happened within the window. Writes the counts of windows that are over. */
static struct entry *entry_of(const struct kept *k, int64_t now)
{
	for (struct entry *t = book.entries; t < book.entries + ENTRIES; t++) {
		if (t->used && now - t->begun_us >= AUDIT_WINDOW_S * 1000000LL)
			settle(t);
		if (t->used && same(&t->is, k))
			return t;
	}
	return NULL;
}

static void begin_entry(const struct kept *k, int64_t now)
{
	struct entry *spare = &book.entries[0];

	for (struct entry *t = book.entries; t < book.entries + ENTRIES; t++)
		if (!t->used ? spare->used : spare->used && t->begun_us < spare->begun_us)
			spare = t;
	if (spare->used)
		settle(spare);
	*spare = (struct entry){.used = true, .is = *k, .begun_us = now};
}

/* It happened a short while ago, too: it is counted. */
static bool counted(const struct kept *k, uint64_t instances)
{
	struct entry *t = repeats(k->kind) ? entry_of(k, clock_mono_us()) : NULL;

	if (!t)
		return false;
	t->repeated++;
	t->instances += instances;
	return true;
}

/* The index is asked without the lock. Another thread may note the same meanwhile. */
static void find_patient(struct kept *k)
{
	char patient[65] = "";

	book.waiting++;
	pthread_mutex_unlock(&lock);
	if (book.patient_of(book.arg, k->study, patient) == 0)
		text_plain(k->patient_id, sizeof k->patient_id, patient);
	pthread_mutex_lock(&lock);
	if (--book.waiting == 0)
		pthread_cond_signal(&book.quiet);
}

/* Who is refused under ever new names would make the trail grow as he likes: beyond some, an address has one line. */
static void crowd(struct kept *k)
{
	int64_t now = clock_mono_us();
	unsigned n = 0;

	if (k->kind != AUDIT_REFUSED || entry_of(k, now))
		return;
	for (const struct entry *t = book.entries; t < book.entries + ENTRIES; t++)
		n += t->used && t->is.kind == AUDIT_REFUSED && strcmp(t->is.address, k->address) == 0;
	if (n < REFUSED_EACH)
		return;
	snprintf(k->who, sizeof k->who, "(various)");
	snprintf(k->what, sizeof k->what,
		 "refused for various reasons; only the first of this address are told one by one");
	k->study[0] = k->patient_id[0] = k->how[0] = '\0';
}

static void take(struct kept *k, uint64_t instances)
{
	crowd(k);
	if (counted(k, instances))
		return;
	if (book.patient_of && k->study[0] && !k->patient_id[0]) {
		find_patient(k);
		if (counted(k, instances))
			return;
	}
	if (repeats(k->kind))
		begin_entry(k, clock_mono_us());
	write_kept(k, 0, instances);
}

void audit_note(const struct audit_event *ev)
{
	struct kept k = {.kind = ev->kind, .failed = ev->failed};
	bool wait;

	text_plain(k.who, sizeof k.who, ev->who);
	text_plain(k.how, sizeof k.how, ev->how);
	text_plain(k.address, sizeof k.address, ev->address);
	text_plain(k.study, sizeof k.study, ev->study);
	text_plain(k.patient_id, sizeof k.patient_id, ev->patient_id);
	text_plain(k.what, sizeof k.what, ev->what);
	metric_add(&m_events, 1);
	pthread_mutex_lock(&lock);
	if (book.chain)
		take(&k, ev->instances);
	wait = book.chain && synced(ev);
	book.waiting += wait;
	pthread_mutex_unlock(&lock);
	if (!wait)
		return;
	sync_chain();
	pthread_mutex_lock(&lock);
	if (--book.waiting == 0)
		pthread_cond_signal(&book.quiet);
	pthread_mutex_unlock(&lock);
}

/* ---- the keeper: writes counts of windows that are over, syncs what was written */

static void *keep(void *arg)
{
	pthread_mutex_lock(&lock);
	while (!book.stopping) {
		int64_t now = clock_mono_us();

		clock_wait(&book.wake, &lock, now + TICK_S * 1000000LL);
		for (struct entry *t = book.entries; t < book.entries + ENTRIES; t++)
			if (t->used && now - t->begun_us >= AUDIT_WINDOW_S * 1000000LL)
				settle(t);
		pthread_mutex_unlock(&lock);
		sync_chain();
		pthread_mutex_lock(&lock);
	}
	pthread_mutex_unlock(&lock);
	return arg;
}

static int open_all(const struct audit_options *o, struct err *e)
{
	AUTO(str) folder = NULL;
	int rc;

	if (asprintf(&folder, "%s/" AUDIT_FOLDER, o->data) < 0) {
		folder = NULL;
		return err_set(e, E_NOMEM, "no memory for the audit trail");
	}
	if (!(book.entries = calloc(ENTRIES, sizeof *book.entries)))
		return err_set(e, E_NOMEM, "no memory for the audit trail");
	snprintf(book.node, sizeof book.node, "%s", o->node);
	book.patient_of = o->patient_of;
	book.arg = o->arg;
	if ((rc = chain_open(folder, o->size, &book.chain, e)) < 0)
		return rc;
	return o->syslog ? syslog_start(o->syslog, folder, "teleread", &book.syslog, e) : 0;
}

static void close_all(void)
{
	syslog_stop(book.syslog);
	chain_close(book.chain);
	free(book.entries);
	book.syslog = NULL;
	book.chain = NULL;
	book.entries = NULL;
}

void audit_look(const char *data, bool begun)
{
	AUTO(str) folder = NULL;
	struct chain_report r;
	struct err e = {0};
	int rc;

	if (asprintf(&folder, "%s/" AUDIT_FOLDER, data) < 0) {
		folder = NULL;
		return;
	}
	if ((rc = chain_check(folder, &r, &e)) == 0 && r.lines == 0 && begun)
		rc = err_set(&e, E_CORRUPT,
			     "the audit trail is gone: there are accounts, but not the events that made them");
	if (rc == 0)
		return;
	log_error("%s", e.msg);
	alert_raise(ALERT_AUDIT, AUDIT_FOLDER, "%s", e.msg);
}

int audit_open(const struct audit_options *o, struct err *e)
{
	int rc;

	xmlInitParser();
	rc = open_all(o, e);
	book.stopping = false;
	if (rc == 0 && pthread_create(&book.keeper, NULL, keep, NULL) != 0)
		rc = err_set(e, E_NOMEM, "no thread for the audit trail");
	if (rc < 0)
		close_all();
	return rc;
}

void audit_close(void)
{
	if (!book.chain)
		return;
	pthread_mutex_lock(&lock);
	while (book.waiting > 0)
		pthread_cond_wait(&book.quiet, &lock);
	book.stopping = true;
	pthread_cond_signal(&book.wake);
	for (struct entry *t = book.entries; t < book.entries + ENTRIES; t++)
		if (t->used)
			settle(t);
	say_lost();
	pthread_mutex_unlock(&lock);
	pthread_join(book.keeper, NULL);
	sync_chain();
	pthread_mutex_lock(&lock);
	while (book.waiting > 0)
		pthread_cond_wait(&book.quiet, &lock);
	close_all();
	pthread_mutex_unlock(&lock);
}
