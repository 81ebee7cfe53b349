#include "access/audit.h"
#include "archive/presence.h"
#include "archive/refresh.h"
#include "archive/registry.h"
#include "base/alert.h"
#include "base/log.h"
#include "cmd/cmd.h"
#include "cmd/control.h"
#include "cmd/demo.h"
#include "cmd/first.h"
#include "cmd/node.h"
#include "net/server.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define GRACE_MS 10000u
#define METRICS_S 15
#define CONFIG_MOST (64u << 10)

static struct {
	char *aet, *dicom_port, *http_port, *listen, *accept_unknown;
	gboolean demo;
} opt;

static const GOptionEntry options[] = {
    {"aet", 0, 0, G_OPTION_ARG_FILENAME, &opt.aet, "AE title of this node", "AET"},
    {"dicom-port", 0, 0, G_OPTION_ARG_FILENAME, &opt.dicom_port, "Port for DICOM; 0 takes a free one", "N"},
    {"http-port", 0, 0, G_OPTION_ARG_FILENAME, &opt.http_port, "Port for HTTP; 0 takes a free one", "N"},
    {"listen", 0, 0, G_OPTION_ARG_FILENAME, &opt.listen, "Address to listen on, for both", "ADDRESS"},
    {"accept-unknown", 0, 0, G_OPTION_ARG_FILENAME, &opt.accept_unknown,
     "Let unregistered peers and HTTP without login, from this machine, act as this site", "SITE"},
    {"demo", 0, 0, G_OPTION_ARG_NONE, &opt.demo, "Add sample sites, peers and studies", NULL},
    G_OPTION_ENTRY_NULL,
};

/* ---- configuration */

/* Who looks at a demo sees studies settle while looking, unless the configuration says otherwise. */
static int hurry(struct config *c, struct err *e)
{
	AUTO(config) standard = {0};
	int rc = config_default(&standard, e);

	if (rc == 0 && c->settle_quiet_ms == standard.settle_quiet_ms)
		rc = config_set(c, "settle.quiet", "5s", e);
	if (rc == 0 && c->settle_grace_ms == standard.settle_grace_ms)
		rc = config_set(c, "settle.grace", "2min", e);
	return rc;
}

static int override(struct config *c, struct err *e)
{
	const struct {
		const char *key, *value;
	} given[] = {
	    {"node.aet", opt.aet},        {"dicom.port", opt.dicom_port}, {"http.port", opt.http_port},
	    {"dicom.listen", opt.listen}, {"http.listen", opt.listen},
	};
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < sizeof given / sizeof given[0]; i++)
		if (given[i].value)
			rc = config_set(c, given[i].key, given[i].value, e);
	if (rc == 0 && opt.demo)
		rc = hurry(c, e);
	return rc;
}

static int setup_log(const struct config *c, struct err *e)
{
	enum log_level level;
	int rc = log_level_parse(c->log_level, &level);

	if (rc < 0)
		return err_set(e, E_CONFIG, "[log] level = %s: not known", c->log_level);
	log_setup(level, strcmp(c->log_format, "json") == 0 ? LOG_JSON : LOG_TEXT, STDERR_FILENO);
	return 0;
}

/* The folder and a configuration that explains itself, for who looks there first. */
static int make_data(const struct common *c, struct err *e)
{
	AUTO(buf) text = BUF(CONFIG_MOST);
	AUTO(str) path = NULL;
	AUTO(fd) fd = -1;
	int rc;

	if (mkdir(c->config.data, 0750) < 0 && errno != EEXIST)
		return err_sys(e, E_CONFIG, "cannot make the folder %s", c->config.data);
	if (c->config_file)
		return 0;
	if (asprintf(&path, "%s/teleread.conf", c->config.data) < 0) {
		path = NULL;
		return err_set(e, E_NOMEM, "no memory for a path");
	}
	if ((fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640)) < 0)
		return errno == EEXIST ? 0 : err_sys(e, E_CONFIG, "cannot make %s", path);
	if ((rc = config_print(NULL, &text, e)) < 0)
		return rc;
	if (write(fd, text.data, text.len) != (ssize_t)text.len)
		return err_sys(e, E_CONFIG, "cannot write %s", path);
	return 0;
}

/* ---- who may be unknown */

/* An address that anyone can reach is refused. */
static int check_listen(const struct config *c, struct err *e)
{
	const char *option = opt.accept_unknown ? "--accept-unknown" : opt.demo ? "--demo" : NULL;

	if (!option || (server_loopback(c->listen) && server_loopback(c->http_listen)))
		return 0;
	return err_set(e, E_CONFIG, "%s goes with a loopback address only, not with %s", option,
		       server_loopback(c->listen) ? c->http_listen : c->listen);
}

static int accept_unknown(struct archive *a, const char *code, struct site *out, struct err *e)
{
	struct err missing = {0};
	int rc;

	if ((rc = site_get(a, code, out, &missing)) == -E_NOENT) {
		struct site fresh = {.tier = "county"};

		if (strlen(code) >= sizeof fresh.code)
			return err_set(e, E_CONFIG, "--accept-unknown %.40s: the code is too long", code);
		g_strlcpy(fresh.code, code, sizeof fresh.code);
		g_strlcpy(fresh.name, code, sizeof fresh.name);
		if ((rc = site_add(a, &fresh, e)) == 0)
			rc = site_get(a, code, out, e);
	} else if (rc < 0) {
		*e = missing;
	}
	if (rc == 0)
		log_warn("unregistered peers on this machine act as site %s (%s)", out->code,
			 opt.accept_unknown ? "--accept-unknown" : "--demo");
	return rc;
}

static int prepare(struct node *n, struct err *e)
{
	const char *code = opt.accept_unknown;
	int rc;

	if (opt.demo && (rc = demo_fill(n->archive, e)) < 0) {
		err_prefix(e, "demo");
		return rc;
	}
	if (opt.demo && !code)
		code = DEMO_SITE;
	if (!code)
		return 0;
	if ((rc = accept_unknown(n->archive, code, &n->unknown_as, e)) < 0)
		return rc;
	n->accepts_unknown = true;
	return 0;
}

/* ---- running */

static void raise_limits(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0)
		return;
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
}

/* 127.0.0.1:104, [::1]:104 */
static const char *door(const char *address, uint16_t port, char out[80])
{
	snprintf(out, 80, strchr(address, ':') ? "[%s]:%u" : "%s:%u", address, port);
	return out;
}

static void say_ready(const struct node *n)
{
	const struct config *c = &n->settings->config;
	char dicom[80], secure[80], http[80];

	door(c->listen, server_port(n->server), dicom);
	door(c->http_listen, web_port(n->web), http);
	printf("ready dicom=%s", dicom);
	if (n->secure)
		printf(" dicom-tls=%s", door(c->listen, server_port(n->secure), secure));
	printf(" http=%s pid=%ld\n", http, (long)getpid());
	fflush(stdout);
	log_info("serving %s as %s on %s, HTTP%s on %s", c->data, c->aet, dicom, c->http_certificate[0] ? "S" : "",
		 http);
}

static void reload(struct node *n, const struct common *c)
{
	AUTO(config) fresh = {0};
	struct err e = {0};

	if (common_load(c, &fresh, NULL, &e) < 0 || override(&fresh, &e) < 0 || setup_log(&fresh, &e) < 0 ||
	    node_settings(n, &fresh, &e) < 0)
		log_error("the configuration stays as it was: %s", e.msg);
	else
		log_info("configuration loaded again");
}

/* Signals are taken here, by one thread, one after another. */
static void run_until_told(struct node *n, const struct common *c, const sigset_t *signals)
{
	const struct timespec pause = {.tv_sec = METRICS_S};

	for (;;) {
		int sig = sigtimedwait(signals, NULL, &pause);

		if (sig == SIGTERM || sig == SIGINT) {
			log_info("stopping: %s", sig == SIGTERM ? "SIGTERM" : "SIGINT");
			return;
		}
		if (sig == SIGHUP)
			reload(n, c);
		else
			node_metrics(n);
		alert_tick();
	}
}

static int open_access(struct node *n, struct err *e)
{
	const struct access_options o = {
	    .archive = n->archive,
	    .config = &n->settings->config,
	    .unknown_as = n->accepts_unknown ? &n->unknown_as : NULL,
	};

	int rc = first_accounts(n->archive, opt.demo, e);

	return rc < 0 ? rc : access_open(&o, &n->access, e);
}

static int start(struct node *n, struct common *c, struct control **control, struct err *e)
{
	int rc;

	if ((rc = override(&c->config, e)) < 0 || (rc = setup_log(&c->config, e)) < 0 || (rc = make_data(c, e)) < 0 ||
	    (rc = node_settings(n, &c->config, e)) < 0 || (rc = start_imaging(&c->config, e)) < 0 ||
	    (rc = archive_open(&n->settings->config, ARCHIVE_SERVE, &n->archive, e)) < 0 ||
	    (rc = node_audit(n, e)) < 0 || (rc = prepare(n, e)) < 0 || (rc = open_access(n, e)) < 0 ||
	    (rc = refresh_start(n->archive, e)) < 0 || (rc = node_settle(n, e)) < 0 ||
	    (rc = control_start(n->archive, n->settler, n->settings->config.data, control, e)) < 0)
		return rc;
	return node_listen(n, e);
}

static void log_stranger(const char *aet)
{
	log_warn("[coerce %s]: no registered peer has this AE title", aet);
}

static int serve(struct common *c, const sigset_t *signals)
{
	struct control *control = NULL;
	struct node n = {.lock = PTHREAD_MUTEX_INITIALIZER};
	struct err e = {0};
	int rc;

	/* before anything is made */
	if ((rc = override(&c->config, &e)) == 0 && (rc = check_listen(&c->config, &e)) == 0 &&
	    (rc = node_check(&c->config, &e)) == 0 && (rc = start(&n, c, &control, &e)) == 0) {
		audit_note(&(struct audit_event){.kind = AUDIT_START});
		say_ready(&n);
		presence_start(n.archive);
		if (!n.accepts_unknown && coerce_strangers(n.archive, &n.settings->config, log_stranger, &e) < 0)
			log_warn("the rules of coercion were not compared with the peers: %s", e.msg);
		run_until_told(&n, c, signals);
		audit_note(&(struct audit_event){.kind = AUDIT_STOP});
	}
	settler_end(n.settler);
	node_quiet(&n, GRACE_MS);
	control_stop(control);
	settler_free(n.settler);
	audit_close();
	node_metrics(&n);
	access_close(n.access);
	archive_close(n.archive);
	node_cleanup(&n);
	if (rc < 0) {
		complain("serve", &e);
		return EXIT_USAGE;
	}
	log_info("stopped");
	return EXIT_DONE;
}

int cmd_serve(int argc, char **argv)
{
	static const struct usage usage = {
	    .name = "serve",
	    .text = "Runs the node in the foreground until SIGTERM or SIGINT. Prints one line when it is ready:\n"
		    "ready dicom=127.0.0.1:11112 http=127.0.0.1:8104 pid=123",
	    .options = options,
	};
	AUTO(common) c = {0};
	sigset_t signals;
	int rc = common_parse(&c, &usage, &argc, &argv);

	if (rc >= 0)
		return rc;
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &signals, NULL); /* threads inherit it */
	signal(SIGPIPE, SIG_IGN);
	raise_limits();
	return serve(&c, &signals);
}
