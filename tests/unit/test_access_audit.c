/* The audit trail: messages that say what was noted, a chain that shows what was done to it, counts of what repeats. */
#include "access/audit.h"
#include "access/chain.h"
#include "tests/unit/folder.h"
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* ---- the chain */

static struct chain *open_chain(void **state, int64_t size)
{
	struct folder *f = *state;
	struct chain *c = NULL;

	assert_int_equal(chain_open(f->path, size, &c, NULL), 0);
	return c;
}

static void put(struct chain *c, const char *text)
{
	struct err e = {0};

	if (chain_append(c, text, strlen(text), &e) != 0)
		fail_msg("%s", e.msg);
}

static int verify(void **state, struct chain_report *r)
{
	struct folder *f = *state;

	return chain_each(f->path, 0, true, NULL, NULL, r, NULL);
}

/* Replaces text in a file by another of the same length; NULL: cuts the file behind it. */
static void tamper(void **state, const char *name, const char *text, const char *with)
{
	struct folder *f = *state;
	char path[320], all[8192] = "", *at;
	FILE *file;
	size_t n;

	snprintf(path, sizeof path, "%s/%s", f->path, name);
	assert_non_null(file = fopen(path, "r+"));
	n = fread(all, 1, sizeof all - 1, file);
	assert_true(n < sizeof all - 1);
	assert_non_null(at = strstr(all, text));
	if (with)
		memcpy(at, with, *with ? strlen(with) : 1);
	else
		n = (size_t)(at - all) + strlen(text);
	assert_int_equal(ftruncate(fileno(file), 0), 0);
	rewind(file);
	assert_int_equal(fwrite(all, 1, n, file), n);
	fclose(file);
}

#define FIRST "000000000001.log"

static void a_chain_holds(void **state)
{
	struct chain *c = open_chain(state, 1 << 20);
	struct chain_report r;

	put(c, "one");
	put(c, "two with blanks");
	put(c, "");
	assert_int_equal(chain_append(c, "two\nlines", 9, NULL), -E_INVAL);
	chain_close(c);
	assert_int_equal(verify(state, &r), 0);
	assert_int_equal(r.lines, 3);
	assert_int_equal(r.end.number, 3);
	c = open_chain(state, 1 << 20);
	put(c, "four");
	chain_close(c);
	assert_int_equal(verify(state, &r), 0);
	assert_int_equal(r.end.number, 4);
}

static void what_was_done_to_it_shows(void **state)
{
	static const struct {
		const char *text, *with, *says;
	} cases[] = {
	    {"beta", "BETA", "event 2"},
	    {"3 ", "4 ", "event 3"},
	    {"alpha\n2", "alpha\n1", "event 2"},
	};

	for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct chain *c = open_chain(state, 1 << 20);
		struct chain_report r;
		struct folder *f = *state;
		char path[320];

		put(c, "alpha");
		put(c, "beta");
		put(c, "gamma");
		chain_close(c);
		tamper(state, FIRST, cases[i].text, cases[i].with);
		assert_int_equal(verify(state, &r), -E_CORRUPT);
		assert_non_null(strstr(r.wrong, cases[i].says));
		snprintf(path, sizeof path, "%s/" FIRST, f->path);
		remove(path);
		snprintf(path, sizeof path, "%s/head", f->path);
		remove(path);
	}
}

static int count(void *arg, const struct chain_line *l)
{
	unsigned *n = arg;

	(void)l;
	++*n;
	return 0;
}

static unsigned lines_from(void **state, uint64_t from, struct chain_report *r)
{
	struct folder *f = *state;
	unsigned n = 0;

	assert_int_equal(chain_each(f->path, from, false, count, &n, r, NULL), 0);
	return n;
}

static void a_tail_that_was_cut_off_leaves_a_gap(void **state)
{
	struct chain *c = open_chain(state, 1 << 20);
	struct chain_report r;

	put(c, "alpha");
	put(c, "beta");
	put(c, "gamma");
	tamper(state, FIRST, "alpha\n", NULL);
	assert_int_equal(verify(state, &r), -E_CORRUPT);
	assert_non_null(strstr(r.wrong, "event 2"));
	put(c, "delta");
	chain_close(c);
	assert_int_equal(verify(state, &r), -E_CORRUPT);
	assert_non_null(strstr(r.wrong, "missing"));
}

static void an_unfinished_line_is_cut_off(void **state)
{
	struct folder *f = *state;
	struct chain *c = open_chain(state, 1 << 20);
	struct chain_report r;
	char path[320];
	FILE *file;

	put(c, "alpha");
	chain_close(c);
	snprintf(path, sizeof path, "%s/" FIRST, f->path);
	assert_non_null(file = fopen(path, "a"));
	fputs("2 0123", file);
	fclose(file);
	assert_int_equal(verify(state, &r), 0);
	assert_int_equal(r.lines, 1);
	c = open_chain(state, 1 << 20);
	put(c, "beta");
	chain_close(c);
	assert_int_equal(verify(state, &r), 0);
	assert_int_equal(r.end.number, 2);
}

/* Of the line that was cut a piece is left: the next one does not become part of it. */
static void a_cut_within_a_line_harms_no_other(void **state)
{
	struct chain *c = open_chain(state, 1 << 20);
	struct chain_report r;

	put(c, "alpha");
	put(c, "beta");
	put(c, "gamma");
	tamper(state, FIRST, "bet", NULL);
	put(c, "delta");
	chain_close(c);
	assert_int_equal(lines_from(state, 0, &r), 2);
	assert_int_equal(r.end.number, 4);
	assert_int_equal(verify(state, &r), -E_CORRUPT);
	assert_non_null(strstr(r.wrong, "missing"));
}

static void copy_file(void **state, const char *from, const char *to)
{
	struct folder *f = *state;
	char path[320], all[8192];
	FILE *file;
	size_t n;

	snprintf(path, sizeof path, "%s/%s", f->path, from);
	assert_non_null(file = fopen(path, "r"));
	n = fread(all, 1, sizeof all, file);
	fclose(file);
	snprintf(path, sizeof path, "%s/%s", f->path, to);
	assert_non_null(file = fopen(path, "w"));
	assert_int_equal(fwrite(all, 1, n, file), n);
	fclose(file);
}

/* The head is not synced: after a loss of power it may know nothing of files that are there. */
static void an_old_head_is_no_harm(void **state)
{
	struct chain *c = open_chain(state, 400);
	struct chain_report r;

	put(c, "some text that takes room");
	copy_file(state, "head", "old");
	for (int i = 0; i < 10; i++)
		put(c, "some text that takes room");
	copy_file(state, "old", "head");
	put(c, "short");
	chain_close(c);
	if (verify(state, &r) != 0)
		fail_msg("%s", r.wrong);
	assert_int_equal(r.end.number, 12);
}

static void an_empty_file_at_the_end_is_no_harm(void **state)
{
	struct folder *f = *state;
	struct chain *c = open_chain(state, 1 << 20);
	struct chain_report r;
	char path[320];

	put(c, "alpha");
	put(c, "beta");
	snprintf(path, sizeof path, "%s/000000000003.log", f->path);
	fclose(fopen(path, "w"));
	snprintf(path, sizeof path, "%s/head", f->path);
	assert_int_equal(remove(path), 0);
	chain_close(c);
	c = open_chain(state, 1 << 20);
	put(c, "gamma");
	chain_close(c);
	if (verify(state, &r) != 0)
		fail_msg("%s", r.wrong);
	assert_int_equal(r.end.number, 3);
}

static void junk_hides_no_other_line(void **state)
{
	struct folder *f = *state;
	struct chain *c = open_chain(state, 1 << 20);
	static char junk[200000];
	struct chain_report r;
	char path[320];
	FILE *file;

	put(c, "alpha");
	put(c, "beta");
	tamper(state, FIRST, "1 ", "\0");
	snprintf(path, sizeof path, "%s/" FIRST, f->path);
	assert_non_null(file = fopen(path, "a"));
	memset(junk, 'x', sizeof junk);
	fwrite(junk, 1, sizeof junk, file);
	fputs("\n", file);
	fclose(file);
	put(c, "gamma");
	put(c, "delta");
	chain_close(c);
	assert_int_equal(lines_from(state, 0, &r), 3);
	assert_int_equal(r.end.number, 4);
}

static void reading_begins_anywhere(void **state)
{
	struct chain *c = open_chain(state, 1 << 20);
	struct chain_report r;
	char text[3000];

	memset(text, 'x', sizeof text);
	for (size_t i = 1; i <= 600; i++)
		assert_int_equal(chain_append(c, text, i * 37 % sizeof text, NULL), 0);
	chain_close(c);
	for (uint64_t from = 1; from <= 601; from += 25)
		assert_int_equal(lines_from(state, from, &r), 601 - from);
	assert_int_equal(lines_from(state, 600, &r), 1);
	assert_true(r.lines < 100); /* the others were not read */
}

static void it_goes_on_over_files(void **state)
{
	struct folder *f = *state;
	struct chain *c = open_chain(state, 400);
	struct chain_report r;
	char path[320];
	struct stat st;

	for (int i = 0; i < 20; i++)
		put(c, "some text that takes room");
	chain_close(c);
	assert_int_equal(verify(state, &r), 0);
	assert_int_equal(r.lines, 20);
	snprintf(path, sizeof path, "%s/" FIRST, f->path);
	assert_int_equal(stat(path, &st), 0);
	assert_true(st.st_size <= 400);
	assert_int_equal(remove(path), 0); /* taken to another place: what is left is a chain of its own */
	assert_int_equal(verify(state, &r), 0);
	assert_true(r.first > 1 && r.end.number == 20);
	snprintf(path, sizeof path, "%s/head", f->path);
	assert_int_equal(remove(path), 0);
	c = open_chain(state, 400);
	put(c, "without a head");
	chain_close(c);
	assert_int_equal(verify(state, &r), 0);
	assert_int_equal(r.end.number, 21);
}

static void *put_many(void *arg)
{
	for (int i = 0; i < 100; i++)
		put(arg, "from a thread");
	return NULL;
}

/* Threads of this process and another process write into one chain. */
static void many_write(void **state)
{
	struct chain *c = open_chain(state, 4096);
	struct chain_report r;
	pthread_t t[3];
	pid_t child = fork();
	int status;

	if (child == 0) {
		struct chain *own = open_chain(state, 4096);

		put_many(own);
		_exit(0);
	}
	for (int i = 0; i < 3; i++)
		pthread_create(&t[i], NULL, put_many, c);
	for (int i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
	waitpid(child, &status, 0);
	assert_int_equal(status, 0);
	chain_close(c);
	if (verify(state, &r) != 0)
		fail_msg("%s", r.wrong);
	assert_int_equal(r.lines, 400);
}

/* ---- messages */

static void messages_are_read_as_they_were_written(void **state)
{
	const struct audit_event ev = {
	    .kind = AUDIT_SENT,
	    .who = "\xE7\x8E\x8B\xE5\x8C\xBB\xE7\x94\x9F <\"&'>",
	    .how = "token",
	    .address = "192.0.2.7",
	    .study = "1.2.840.1",
	    .patient_id = "P<1>&",
	    .what = "retrieve frames",
	    .instances = 140,
	};
	AUTO(buf) text = BUF(65536);
	struct audit_said s;

	(void)state;
	assert_int_equal(audit_message(&ev, "NODE1", 1700000000000000, 0, &text, NULL), 0);
	assert_null(strchr(buf_text(&text), '\n'));
	assert_int_equal(audit_read(buf_text(&text), text.len, &s, NULL), 0);
	assert_int_equal(s.kind, AUDIT_SENT);
	assert_string_equal(s.who, ev.who);
	assert_string_equal(s.how, ev.how);
	assert_string_equal(s.address, ev.address);
	assert_string_equal(s.study, ev.study);
	assert_string_equal(s.patient_id, ev.patient_id);
	assert_string_equal(s.what, ev.what);
	assert_string_equal(s.time, "2023-11-14T22:13:20.000000Z");
	assert_int_equal(s.instances, 140);
	assert_false(s.failed);
	assert_non_null(strstr(buf_text(&text), "csd-code=\"110104\""));
	assert_non_null(strstr(buf_text(&text), "csd-code=\"110152\"")); /* who asked is the destination */
	assert_int_equal(audit_read("<AuditMessage/>", 15, &s, NULL), -E_INVAL);
	assert_int_equal(audit_read("nothing", 7, &s, NULL), -E_INVAL);
}

static void each_kind_is_known_again(void **state)
{
	(void)state;
	for (int k = 0; k < AUDIT_KINDS; k++) {
		const struct audit_event ev = {.kind = (enum audit_kind)k, .who = "somebody", .failed = k % 2};
		AUTO(buf) text = BUF(65536);
		enum audit_kind parsed;
		struct audit_said s;

		assert_int_equal(audit_message(&ev, "NODE1", 0, 3, &text, NULL), 0);
		assert_int_equal(audit_read(buf_text(&text), text.len, &s, NULL), 0);
		assert_int_equal(s.kind, k);
		assert_int_equal(s.failed, k % 2);
		assert_string_equal(s.what, "3 times more");
		assert_int_equal(audit_parse(audit_name((enum audit_kind)k), &parsed), 0);
		assert_int_equal(parsed, k);
	}
}

/* ---- the trail */

static int collect(void *arg, const struct chain_line *l)
{
	struct audit_said **next = arg;

	assert_int_equal(audit_read(l->text, l->n, *next, NULL), 0);
	(*next)++;
	return 0;
}

static unsigned read_trail(void **state, struct audit_said *out)
{
	struct folder *f = *state;
	struct audit_said *next = out;
	char path[320];

	snprintf(path, sizeof path, "%s/" AUDIT_FOLDER, f->path);
	assert_int_equal(chain_each(path, 0, true, collect, &next, NULL, NULL), 0);
	return (unsigned)(next - out);
}

static void what_repeats_is_counted(void **state)
{
	struct folder *f = *state;
	const struct audit_options o = {.data = f->path, .node = "NODE1", .size = 1 << 20};
	const struct audit_event frame = {
	    .kind = AUDIT_SENT, .who = "li", .study = "1.2.3", .what = "retrieve frames", .instances = 1};
	const struct audit_event login = {.kind = AUDIT_LOGIN, .who = "li\x1b[2J", .failed = true};
	struct audit_said said[16];

	audit_note(&frame); /* not open: nowhere */
	assert_int_equal(audit_open(&o, NULL), 0);
	for (int i = 0; i < 100; i++)
		audit_note(&frame);
	audit_note(&login);
	audit_note(&login);
	audit_close();
	assert_int_equal(read_trail(state, said), 4);
	assert_int_equal(said[0].instances, 1);
	assert_string_equal(said[0].what, "retrieve frames");
	assert_string_equal(said[1].who, "li?[2J");
	assert_int_equal(said[2].kind, AUDIT_LOGIN);
	assert_int_equal(said[3].instances, 99);
	assert_string_equal(said[3].what, "retrieve frames; 99 times more");
}

static void many_refusals_of_one_address_are_a_few_lines(void **state)
{
	struct folder *f = *state;
	const struct audit_options o = {.data = f->path, .node = "NODE1", .size = 64 << 10};
	static struct audit_said said[1000];
	unsigned n, elsewhere = 0;

	assert_int_equal(audit_open(&o, NULL), 0);
	for (int i = 0; i < 900; i++) {
		char who[32];
		const struct audit_event ev = {.kind = AUDIT_REFUSED,
					       .failed = true,
					       .who = who,
					       .address = i == 899 ? "192.0.2.2" : "192.0.2.1",
					       .what = "nobody knows it"};

		snprintf(who, sizeof who, "STRANGER%d", i);
		audit_note(&ev);
	}
	audit_close();
	n = read_trail(state, said);
	assert_true(n >= 10 && n <= 30);
	for (unsigned i = 0; i < n; i++)
		elsewhere += strcmp(said[i].address, "192.0.2.2") == 0 && strcmp(said[i].who, "STRANGER899") == 0;
	assert_int_equal(elsewhere, 1);
	assert_int_equal(said[0].kind, AUDIT_REFUSED);
	assert_string_equal(said[0].who, "STRANGER0");
}

static void many_different_events_stay_whole(void **state)
{
	struct folder *f = *state;
	const struct audit_options o = {.data = f->path, .node = "NODE1", .size = 64 << 10};
	static struct audit_said said[2000];
	unsigned n, instances = 0;

	assert_int_equal(audit_open(&o, NULL), 0);
	for (int i = 0; i < 1500; i++) {
		char study[65];
		const struct audit_event ev = {.kind = AUDIT_ACCESS, .who = "li", .study = study, .instances = 1};

		snprintf(study, sizeof study, "1.2.%d", i % 500);
		audit_note(&ev);
	}
	audit_close();
	n = read_trail(state, said);
	assert_true(n >= 500 && n <= 1500);
	for (unsigned i = 0; i < n; i++)
		instances += (unsigned)said[i].instances;
	assert_int_equal(instances, 1500);
}

/* A full disk, as a limit of the file's size: what could not be written is counted, at the latest at the end. */
static void what_is_lost_is_counted(void **state)
{
	struct folder *f = *state;
	const struct audit_options o = {.data = f->path, .node = "NODE1", .size = 1 << 20};
	const struct audit_event login = {.kind = AUDIT_LOGIN, .who = "li"};
	struct rlimit before, full;
	struct audit_said said[16];

	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(audit_open(&o, NULL), 0);
	audit_note(&login);
	full = (struct rlimit){.rlim_cur = 300, .rlim_max = before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &full), 0);
	for (int i = 0; i < 3; i++)
		audit_note(&login);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	audit_close();
	assert_int_equal(read_trail(state, said), 2);
	assert_int_equal(said[1].kind, AUDIT_LOST);
	assert_non_null(strstr(said[1].what, "3 events"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    folder_test(a_chain_holds),
	    folder_test(what_was_done_to_it_shows),
	    folder_test(a_tail_that_was_cut_off_leaves_a_gap),
	    folder_test(an_unfinished_line_is_cut_off),
	    folder_test(a_cut_within_a_line_harms_no_other),
	    folder_test(an_old_head_is_no_harm),
	    folder_test(an_empty_file_at_the_end_is_no_harm),
	    folder_test(junk_hides_no_other_line),
	    folder_test(reading_begins_anywhere),
	    folder_test(it_goes_on_over_files),
	    folder_test(many_write),
	    cmocka_unit_test(messages_are_read_as_they_were_written),
	    cmocka_unit_test(each_kind_is_known_again),
	    folder_test(what_repeats_is_counted),
	    folder_test(many_refusals_of_one_address_are_a_few_lines),
	    folder_test(many_different_events_stay_whole),
	    folder_test(what_is_lost_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
