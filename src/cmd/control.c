#include "cmd/control.h"
#include "archive/refresh.h"
#include "archive/registry.h"
#include "base/log.h"
#include "cmd/decision.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define MESSAGE_MOST 2048
#define SETTLE_NUMBERS                                                                                                 \
	"%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64

struct control {
	struct archive *archive;
	struct settler *settler;
	int folder, listener, stop; /* stop: readable when it is time */
	unsigned n;
	pthread_t threads[CONTROL_CLIENTS];
};

/* The path of a socket has 108 bytes at most: it is named through the folder's descriptor. */
static socklen_t name_socket(int folder, struct sockaddr_un *sa)
{
	memset(sa, 0, sizeof *sa);
	sa->sun_family = AF_UNIX;
	snprintf(sa->sun_path, sizeof sa->sun_path, "/proc/self/fd/%d/control", folder);
	return sizeof *sa;
}

/* ---- messages: one packet each, with at most one descriptor */

static int send_message(int fd, const char *text, int pass, struct err *e)
{
	union {
		char room[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {0};
	struct iovec part = {(void *)(uintptr_t)text, strlen(text)};
	struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1};

	if (pass >= 0) {
		struct cmsghdr *c;

		m.msg_control = control.room;
		m.msg_controllen = sizeof control.room;
		c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof pass);
		memcpy(CMSG_DATA(c), &pass, sizeof pass);
	}
	return sendmsg(fd, &m, MSG_NOSIGNAL) < 0 ? err_sys(e, E_CLOSED, "cannot send to the other side") : 0;
}

/* The descriptor that came with a message; -1 when none came. Where more came, none is meant and all are closed: there
 * is room for two, by the alignment, and the kernel closes what has no room. */
static int passed_descriptor(struct msghdr *m)
{
	int first = -1, found = 0, fd;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t at = 0; CMSG_LEN(at + sizeof fd) <= c->cmsg_len; at += sizeof fd) {
			memcpy(&fd, CMSG_DATA(c) + at, sizeof fd);
			if (found++ == 0)
				first = fd;
			else
				close(fd);
		}
	}
	if (found <= 1)
		return first;
	close(first);
	return -1;
}

/* Length, 0 when the other side closed, negative. *passed: a descriptor, or -1. */
static int receive_message(int fd, char text[MESSAGE_MOST], int *passed, struct err *e)
{
	union {
		char room[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {0};
	struct iovec part = {text, MESSAGE_MOST - 1};
	struct msghdr m = {
	    .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = sizeof control.room};
	ssize_t n;

	*passed = -1;
	while ((n = recvmsg(fd, &m, MSG_CMSG_CLOEXEC)) < 0 && errno == EINTR)
		;
	if (n < 0)
		return err_sys(e, E_CLOSED, "cannot receive from the other side");
	*passed = passed_descriptor(&m);
	text[n] = '\0';
	return (int)n;
}

/* ---- the node's side */

static int answer_import(struct control *c, const char *code, int fd, struct import_result *out, struct err *e)
{
	struct site site;
	struct intake_source source = {.site_code = site.code, .aet = "", .door = "import"};
	int rc;

	if (fd < 0)
		return err_set(e, E_INVAL, "no file came with the request");
	if ((rc = site_get(c->archive, code, &site, e)) < 0)
		return rc;
	source.site = site.id;
	return import_file(c->archive, &source, fd, out, e);
}

/* "corrupt fsck", a new line, a sentence */
static int answer_alert(const char *request, struct err *e)
{
	char name[32], subject[128];
	const char *sentence = strchr(request, '\n');
	enum alert_kind kind;

	if (!sentence || sscanf(request, "%31s %127s", name, subject) != 2 || alert_parse(name, &kind) < 0)
		return err_set(e, E_INVAL, "no alert that is known here");
	alert_raise(kind, subject, "%s", sentence + 1);
	return 0;
}

static bool peer_of(int client, struct ucred *who)
{
	socklen_t n = sizeof *who;

	return getsockopt(client, SOL_SOCKET, SO_PEERCRED, who, &n) == 0;
}

/* "drop 0 1.2.3", a new line, why; of a part, which a node that knows no parts must not take for all of it, "drop 0 1.2.3 1.2.3.4
 * 1.2.3.4.5", where - is none */
static int answer_decide(struct control *c, int client, bool part, const char *request, char *text, size_t room,
			 struct err *e)
{
	struct decision d = {0};
	struct decision_result r = {0};
	const char *why = strchr(request, '\n');
	unsigned long long number;
	struct ucred who;
	char kind[16];
	int rc, want = part ? 5 : 3;

	/* NOLINTNEXTLINE(cert-err34-c): of the same user; a number too large names no record */
	if (!why ||
	    sscanf(request, part ? "%15s %llu %64s %64s %64s" : "%15s %llu %64s", kind, &number, d.study, d.series,
		   d.sop_instance) != want ||
	    decision_parse(kind, &d.what) < 0)
		return err_set(e, E_INVAL, "no decision that is known here");
	if (strlen(why + 1) > DECISION_WHY_MOST || !peer_of(client, &who))
		return err_set(e, E_INVAL, "the reason is longer than %u bytes", DECISION_WHY_MOST);
	if (strcmp(d.study, "-") == 0)
		d.study[0] = '\0';
	if (strcmp(d.sop_instance, "-") == 0)
		d.sop_instance[0] = '\0';
	d.number = number;
	user_name(who.uid, d.who);
	snprintf(d.why, sizeof d.why, "%s", why + 1);
	if ((rc = decide(c->archive, &d, &r, e)) < 0)
		return rc;
	snprintf(text, room, "decided %d %llu %llu %s", r.done, (unsigned long long)r.records,
		 (unsigned long long)r.left, r.reason);
	return 0;
}

/* "reindex" begins a refresh of the index, or joins the one under way; "reindex?" looks how far it is. */
static int answer_reindex(struct control *c, bool begin, char text[MESSAGE_MOST], struct err *e)
{
	struct refresh_state s;
	int rc = begin ? refresh_ask(c->archive, e) : 0;

	if (rc < 0)
		return rc;
	refresh_look(c->archive, &s);
	if (s.err.code != E_OK)
		return err_set(e, s.err.code, "%s", s.err.msg);
	snprintf(text, MESSAGE_MOST, "reindex %d %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64, s.running, s.done, s.of,
		 s.instances, s.faults);
	return 0;
}

/* "settle now 1.2.3" begins a run of the settler, or joins the one under way; "settle?" looks how far it is. */
static int answer_settle(struct control *c, const char *request, char text[MESSAGE_MOST], struct err *e)
{
	struct settler_ask ask = {0};
	struct settler_run r;
	char when[8];

	if (request[0] == ' ') {
		if (sscanf(request, " %7s %64s", when, ask.study) != 2 ||
		    (strcmp(when, "now") && strcmp(when, "due") && strcmp(when, "again")))
			return err_set(e, E_INVAL, "no run of settling that is known here");
		ask.again = strcmp(when, "again") == 0;
		ask.now = ask.again || strcmp(when, "now") == 0;
		if (strcmp(ask.study, "-") == 0)
			ask.study[0] = '\0';
		settler_ask(c->settler, &ask);
	}
	settler_look(c->settler, &r);
	snprintf(text, MESSAGE_MOST, "settle %d " SETTLE_NUMBERS " %d %s", r.running, r.series, r.done, r.of, r.encoded,
		 r.kept, r.mismatched, r.failed, r.in, r.out, (int)r.err.code, r.err.msg);
	return 0;
}

static int answer(struct control *c, int client, const char *request, int fd, struct err *e)
{
	char text[MESSAGE_MOST];
	struct import_result result = {0};
	struct err why = {0};
	bool alert = false, decision = false, part = false, told = false; /* told: text has the answer */
	int rc;

	if (strncmp(request, "import ", 7) == 0)
		rc = answer_import(c, request + 7, fd, &result, &why);
	else if ((alert = strncmp(request, "alert ", 6) == 0))
		rc = answer_alert(request + 6, &why);
	else if ((decision = strncmp(request, "decide ", 7) == 0 || (part = strncmp(request, "decide-part ", 12) == 0)))
		rc = answer_decide(c, client, part, strchr(request, ' ') + 1, text, sizeof text, &why);
	else if ((told = strcmp(request, "reindex") == 0 || strcmp(request, "reindex?") == 0))
		rc = answer_reindex(c, request[7] == '\0', text, &why);
	else if ((told = strncmp(request, "settle ", 7) == 0 || strcmp(request, "settle?") == 0))
		rc = answer_settle(c, request + 6, text, &why);
	else
		rc = err_set(&why, E_UNSUP, "this node does not know the request");
	if (rc < 0)
		snprintf(text, sizeof text, "error %d %s", -rc, why.msg);
	else if (alert)
		snprintf(text, sizeof text, "noted");
	else if (!decision && !told)
		snprintf(text, sizeof text, "%s %s", import_names[result.outcome], result.reason);
	return send_message(client, text, -1, e);
}

static bool may_ask(int client)
{
	struct ucred who;

	return peer_of(client, &who) && (who.uid == geteuid() || who.uid == 0);
}

/* Waits until fd can be read; false when it is time to stop. */
static bool wait_for(const struct control *c, int fd)
{
	struct pollfd two[2] = {{.fd = c->stop, .events = POLLIN}, {.fd = fd, .events = POLLIN}};

	while (poll(two, 2, -1) < 0)
		if (errno != EINTR)
			return false;
	return two[0].revents == 0;
}

static void serve_client(struct control *c, int client)
{
	char request[MESSAGE_MOST];
	int rc = may_ask(client) ? 1 : 0;

	while (rc > 0 && wait_for(c, client)) {
		AUTO(fd) fd = -1;
		struct err e = {0};

		rc = receive_message(client, request, &fd, &e);
		if (rc > 0 && answer(c, client, request, fd, &e) < 0)
			rc = -1;
	}
}

static void *serve(void *arg)
{
	struct control *c = arg;

	log_context("control");
	while (wait_for(c, c->listener)) {
		/* cppcheck-suppress nullPointer; the address may be NULL */
		AUTO(fd) client = accept4(c->listener, NULL, NULL, SOCK_CLOEXEC);

		if (client >= 0) /* else another thread was faster */
			serve_client(c, client);
	}
	return NULL;
}

static int listen_at(struct control *c, struct err *e)
{
	struct sockaddr_un sa;
	socklen_t n = name_socket(c->folder, &sa);

	unlinkat(c->folder, "control",
		 0); /* of a node that was killed: the archive's lock says that there is no other */
	if ((c->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) < 0 ||
	    fchmod(c->listener, 0600) < 0 || bind(c->listener, (struct sockaddr *)&sa, n) < 0 ||
	    fchmodat(c->folder, "control", 0600, 0) < 0 || listen(c->listener, CONTROL_CLIENTS) < 0)
		return err_sys(e, E_IO, "cannot make the control socket");
	return 0;
}

int control_start(struct archive *a, struct settler *settler, const char *data, struct control **out, struct err *e)
{
	struct control *c = calloc(1, sizeof *c);
	int rc = 0;

	if (!c)
		return err_set(e, E_NOMEM, "no memory for the control socket");
	c->archive = a;
	c->settler = settler;
	c->listener = -1;
	c->stop = eventfd(0, EFD_CLOEXEC);
	c->folder = open(data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (c->stop < 0 || c->folder < 0)
		rc = err_sys(e, E_IO, "cannot open %s", data);
	else
		rc = listen_at(c, e);
	while (rc == 0 && c->n < CONTROL_CLIENTS) {
		if (pthread_create(&c->threads[c->n], NULL, serve, c) != 0)
			rc = err_set(e, E_NOMEM, "cannot start a thread for the control socket");
		else
			c->n++;
	}
	if (rc < 0) {
		control_stop(c);
		return rc;
	}
	*out = c;
	return 0;
}

void control_stop(struct control *c)
{
	const uint64_t one = 1;

	if (!c)
		return;
	if (c->stop >= 0 && write(c->stop, &one, sizeof one) < 0)
		log_error("the control socket cannot be stopped");
	for (unsigned i = 0; i < c->n; i++)
		pthread_join(c->threads[i], NULL);
	if (c->listener >= 0) {
		unlinkat(c->folder, "control", 0);
		close(c->listener);
	}
	if (c->folder >= 0)
		close(c->folder);
	if (c->stop >= 0)
		close(c->stop);
	free(c);
}

/* ---- the command's side */

int control_connect(const char *data, struct err *e)
{
	AUTO(fd) folder = open(data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct sockaddr_un sa;
	socklen_t n;
	int fd, rc;

	if (folder < 0)
		return err_sys(e, E_NOENT, "cannot open %s", data);
	n = name_socket(folder, &sa);
	if ((fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)) < 0)
		return err_sys(e, E_IO, "cannot make a socket");
	if (connect(fd, (struct sockaddr *)&sa, n) == 0)
		return fd;
	rc = err_sys(e, E_NOENT, "%s is in use, and its control socket does not answer", data);
	close(fd);
	return rc;
}

/* "error 9 sentence" */
static int read_error(const char *text, struct err *e)
{
	char *rest;
	unsigned long code = strtoul(text, &rest, 10);

	return err_set(e, code > 0 && code < E_COUNT ? (enum err_code)code : E_BUG, "%s",
		       *rest ? rest + 1 : "no reason");
}

int control_import(int client, const char *site, int fd, struct import_result *out, struct err *e)
{
	char text[MESSAGE_MOST];
	AUTO(fd) none = -1;
	const char *space;
	int rc;

	snprintf(text, sizeof text, "import %.64s", site);
	if ((rc = send_message(client, text, fd, e)) < 0 || (rc = receive_message(client, text, &none, e)) < 0)
		return rc;
	if (strncmp(text, "error ", 6) == 0)
		return read_error(text + 6, e);
	space = strchr(text, ' ');
	for (int i = 0; space && i < IMPORT_OUTCOMES; i++)
		if (strlen(import_names[i]) == (size_t)(space - text) &&
		    strncmp(text, import_names[i], (size_t)(space - text)) == 0) {
			out->outcome = (enum import_outcome)i;
			snprintf(out->reason, sizeof out->reason, "%s", space + 1);
			return 0;
		}
	return err_set(e, E_CLOSED, "the node stopped before it answered");
}

int control_alert(int client, enum alert_kind kind, const char *subject, const char *sentence, struct err *e)
{
	char text[MESSAGE_MOST];
	AUTO(fd) none = -1;
	int rc;

	snprintf(text, sizeof text, "alert %s %.127s\n%s", alert_name(kind), subject, sentence);
	if ((rc = send_message(client, text, -1, e)) < 0 || (rc = receive_message(client, text, &none, e)) < 0)
		return rc;
	if (strncmp(text, "error ", 6) == 0)
		return read_error(text + 6, e);
	return strcmp(text, "noted") == 0 ? 0 : err_set(e, E_CLOSED, "the node stopped before it answered");
}

int control_decide(int client, const struct decision *d, struct decision_result *out, struct err *e)
{
	char text[MESSAGE_MOST];
	unsigned long long records, left;
	AUTO(fd) none = -1;
	int done, at = 0, rc;

	if (d->series[0])
		snprintf(text, sizeof text, "decide-part %s 0 %s %s %s\n%s", decision_name(d->what), d->study,
			 d->series, d->sop_instance[0] ? d->sop_instance : "-", d->why);
	else
		snprintf(text, sizeof text, "decide %s %llu %s\n%s", decision_name(d->what),
			 (unsigned long long)d->number, d->study[0] ? d->study : "-", d->why);
	if ((rc = send_message(client, text, -1, e)) < 0 || (rc = receive_message(client, text, &none, e)) < 0)
		return rc;
	if (strncmp(text, "error ", 6) == 0)
		return read_error(text + 6, e);
	/* NOLINTNEXTLINE(cert-err34-c): of the node */
	if (sscanf(text, "decided %d %llu %llu%n", &done, &records, &left, &at) != 3 || !at)
		return err_set(e, E_CLOSED, "the node stopped before it answered: teleread events says what was done");
	*out = (struct decision_result){.done = done != 0, .records = records, .left = left};
	snprintf(out->reason, sizeof out->reason, "%.159s", text[at] ? text + at + 1 : "");
	return 0;
}

int control_reindex(int client, bool begin, struct refresh_state *out, struct err *e)
{
	char text[MESSAGE_MOST];
	AUTO(fd) none = -1;
	int rc, running;

	if ((rc = send_message(client, begin ? "reindex" : "reindex?", -1, e)) < 0 ||
	    (rc = receive_message(client, text, &none, e)) < 0)
		return rc;
	if (strncmp(text, "error ", 6) == 0)
		return read_error(text + 6, e);
	*out = (struct refresh_state){0};
	/* NOLINTNEXTLINE(cert-err34-c): of the node */
	if (sscanf(text, "reindex %d %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64, &running, &out->done, &out->of,
		   &out->instances, &out->faults) != 5)
		return err_set(e, E_CLOSED, "the node stopped before it had finished; when it is started, it goes on");
	out->running = running != 0;
	return 0;
}

int control_settle(int client, const struct settler_ask *ask, struct settler_run *out, struct err *e)
{
	char text[MESSAGE_MOST];
	struct settler_run r = {0};
	AUTO(fd) none = -1;
	int rc, running, code, at = 0;

	snprintf(text, sizeof text, "settle?");
	if (ask)
		snprintf(text, sizeof text, "settle %s %s",
			 ask->again ? "again"
			 : ask->now ? "now"
				    : "due",
			 ask->study[0] ? ask->study : "-");
	if ((rc = send_message(client, text, -1, e)) < 0 || (rc = receive_message(client, text, &none, e)) < 0)
		return rc;
	if (strncmp(text, "error ", 6) == 0)
		return read_error(text + 6, e);
	/* NOLINTNEXTLINE(cert-err34-c): of the node */
	if (sscanf(text, "settle %d " SETTLE_NUMBERS " %d%n", &running, &r.series, &r.done, &r.of, &r.encoded, &r.kept,
		   &r.mismatched, &r.failed, &r.in, &r.out, &code, &at) != 11 ||
	    !at || code < 0 || code >= E_COUNT)
		return err_set(e, E_CLOSED, "the node stopped before it had finished; when it is started, it goes on");
	r.running = running != 0;
	r.err.code = (enum err_code)code;
	snprintf(r.err.msg, sizeof r.err.msg, "%s", text[at] ? text + at + 1 : "");
	*out = r;
	return 0;
}
