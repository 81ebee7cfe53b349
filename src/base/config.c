#include "base/config.h"
#include "base/config_value.h"
#include "base/text.h"
#include <errno.h>
#include <glib.h>
#include <stdio.h>
#include <string.h>

#define FILE_MOST (1u << 20)
#define K 1024LL
#define M (1024 * K)
#define G (1024 * M)
#define T (1024 * G)
#define SEC 1000LL
#define MINUTE (60 * SEC)
#define HOUR (3600 * SEC)

struct key {
	const char *section, *name, *standard; /* standard: the default as one would write it */
	size_t offset;
	struct value_range range;
	const char *help;
};
#define TEXT(type_)                                                                                                    \
	{                                                                                                              \
		VALUE_##type_, 0, 0                                                                                    \
	}
#define NUMBER(type_, min_, max_)                                                                                      \
	{                                                                                                              \
		VALUE_##type_, (min_), (max_)                                                                          \
	}
#define AT(field_) offsetof(struct config, field_)

/* clang-format off */
static const struct key keys[] = {
	{"node", "data", "teleread-data", AT(data), TEXT(STRING),
	 "Folder of the index and the packs. Made when it is not there."},
	{"node", "aet", "TELEREAD", AT(aet), TEXT(AET),
	 "AE title of this node: what it calls itself, and what peers call."},
	{"dicom", "listen", "127.0.0.1", AT(listen), TEXT(ADDRESS),
	 "Address to accept DICOM associations on; 0.0.0.0 is every network of this machine."},
	{"dicom", "port", "11112", AT(dicom_port), NUMBER(INT, 0, 65535),
	 "Port for DICOM; 0 takes a free one and prints it."},
	{"dicom", "max_associations", "256", AT(max_associations), NUMBER(INT, 1, 10000),
	 "Associations at one time; one more is rejected as transient, so that the peer tries again."},
	{"dicom", "max_pdu_receive", "128K", AT(max_pdu_receive), NUMBER(SIZE, 4 * K, 128 * K),
	 "Largest PDU that peers may send to us."},
	{"dicom", "max_pdu_send", "128K", AT(max_pdu_send), NUMBER(SIZE, 4 * K, 128 * K),
	 "Largest PDU that we send, even to a peer that would take larger ones."},
	{"dicom", "artim", "30s", AT(artim_ms), NUMBER(TIME, 100, HOUR),
	 "Time in which a connected peer must have asked for its association, and in which it must close after the end."},
	{"dicom", "idle", "5min", AT(idle_ms), NUMBER(TIME, 100, 24 * HOUR),
	 "An association without a message for so long is aborted."},
	{"dicom", "dimse", "1min", AT(dimse_ms), NUMBER(TIME, 100, 24 * HOUR),
	 "A message that has begun must make progress within this time."},
	{"dicom", "check_called_aet", "false", AT(check_called_aet), NUMBER(BOOL, 0, 1),
	 "Refuse associations whose Called AE Title is not ours."},
	{"dicom", "find_limit", "0", AT(find_limit), NUMBER(INT, 0, 1000000000),
	 "Most matches that one C-FIND answers; 0: no limit."},
	{"dicom", "async_window", "16", AT(async_window), NUMBER(INT, 1, 64),
	 "Most requests that a peer may have unanswered on one association, where it asks for such a window."},
	{"dicom", "tls_port", "2762", AT(tls_port), NUMBER(INT, 0, 65535),
	 "Port for DICOM over TLS, where tls_certificate is set; 0 takes a free one and prints it."},
	{"dicom", "tls_certificate", "", AT(tls_certificate), TEXT(OPTIONAL),
	 "PEM file of this node's certificate (chain) for DICOM over TLS; nothing: no TLS."},
	{"dicom", "tls_key", "", AT(tls_key), TEXT(OPTIONAL), "PEM file of its key; nothing: in the same file."},
	{"dicom", "tls_ca", "", AT(tls_ca), TEXT(OPTIONAL),
	 "PEM file of the certificates that peers without a certificate of their own in the registry are proved with."},
	{"query", "relational", "false", AT(relational), NUMBER(BOOL, 0, 1),
	 "Take queries that leave out unique keys above their level even where the association did not agree on that."},
	{"query", "require_key", "false", AT(require_key), NUMBER(BOOL, 0, 1),
	 "Refuse a C-FIND that has no key with a value: it asks for everything there is."},
	{"query", "most", "0", AT(most), NUMBER(INT, 0, 1000000000),
	 "Refuse a C-FIND with more matches than this before its first answer; 0: none is refused."},
	{"query", "fuzzy", "negotiated", AT(fuzzy), TEXT(FUZZY),
	 "Match names by pinyin, initials and in any order of words, too: where negotiated, always, or off."},
	{"query", "timezone", "local", AT(timezone), TEXT(OFFSET),
	 "Time zone of dates and times whose object names none, for queries that name theirs."},
	{"index", "attributes", "", AT(attributes), TEXT(LIST),
	 "Attributes to keep in the index besides those that are built in. Each is: keyword, or tag and VR; level."},
	{"archive", "reserve", "512M", AT(reserve), NUMBER(SIZE, 0, 1024 * T),
	 "Space that stays free on the disk: below it new instances are refused as out of resources (A700)."},
	{"archive", "pack_size", "256M", AT(pack_size), NUMBER(SIZE, 1 * M, 64 * G),
	 "Size at which an intake pack is sealed and the next one begun."},
	{"archive", "prewrite", "256M", AT(prewrite), NUMBER(SIZE, 0, 1 * T),
	 "Packs are written with zeros in advance up to so much, which makes a sync cheaper; 0: not at all."},
	{"archive", "buffer", "1M", AT(buffer), NUMBER(SIZE, 64 * K, 16 * M),
	 "Instances up to this size share a pack; a larger one gets a pack of its own."},
	{"archive", "max_instance", "0", AT(max_instance), NUMBER(SIZE, 0, 1024 * T),
	 "Largest instance that is taken; 0: no limit."},
	{"archive", "retention_years", "0", AT(retention_years), NUMBER(INT, 0, 200),
	 "A study cannot be dropped before it is so many years old, by its Study Date or else its arrival; 0: any time."},
	{"settle", "enabled", "true", AT(settle_enabled), NUMBER(BOOL, 0, 1),
	 "Settle series that are complete: rewrite them into packs of their own, in order, compressed without loss by rule. "
	 "Else only teleread settle does."},
	{"settle", "quiet", "30min", AT(settle_quiet_ms), NUMBER(TIME, 0, 8760 * HOUR),
	 "A series of which nothing arrived for so long counts as complete; what comes later settles it again."},
	{"settle", "grace", "1h", AT(settle_grace_ms), NUMBER(TIME, 0, 8760 * HOUR),
	 "The disk space of what was received is given back so long after a proven copy stands for it."},
	{"settle", "at_once", "0", AT(settle_at_once), NUMBER(INT, 0, 64),
	 "Instances that are encoded at one time; 0: one for each processor."},
	{"settle", "busy", "2s", AT(settle_busy_ms), NUMBER(TIME, 0, HOUR),
	 "While something arrived within so long, one instance at a time is encoded, and a pause three times as long follows."},
	{"imaging", "workers", "0", AT(imaging_workers), NUMBER(INT, 0, 1024),
	 "Processes that decode, encode and draw pictures; 0: one for each processor, and one more. Where there are several, one is "
	 "kept for what somebody waits for."},
	{"imaging", "memory", "2G", AT(imaging_memory), NUMBER(SIZE, 128 * M, 1 * T),
	 "Memory that one of them may take. A frame that needs more is refused."},
	{"imaging", "time", "1min", AT(imaging_time_ms), NUMBER(TIME, SEC, HOUR),
	 "Processor time that one of them may take for one picture; a small one gets less. By the clock it is four times of this."},
	{"imaging", "sandbox", "required", AT(imaging_sandbox), TEXT(SANDBOX),
	 "Where the kernel refuses to limit their system calls (seccomp): serve does not start (required), or goes on without "
	 "that limit (optional)."},
	{"imaging", "cache", "1G", AT(imaging_cache), NUMBER(SIZE, 0, 64 * T),
	 "Disk space for copies in other transfer syntaxes that were asked for lately."},
	{"commitment", "report", "auto", AT(commit_report), TEXT(REPORT),
	 "Association for the result of a storage commitment: the one that asked (same), one to the peer (new), or the one "
	 "that asked while it stays open, else one to the peer (auto)."},
	{"commitment", "retry", "30s", AT(commit_retry_ms), NUMBER(TIME, 100, 24 * HOUR),
	 "Pause before a result that could not be told is tried again; it doubles with each failure, up to an hour."},
	{"commitment", "give_up", "72h", AT(commit_giveup_ms), NUMBER(TIME, SEC, 8760 * HOUR),
	 "A result that could not be told for so long is given up."},
	{"commitment", "keep", "168h", AT(commit_keep_ms), NUMBER(TIME, SEC, 8760 * HOUR),
	 "A result is kept for so long after it was told or given up, and told again when the peer repeats its request."},
	{"log", "level", "info", AT(log_level), TEXT(LEVEL),
	 "Least important lines that are logged. At debug the log contains patient data."},
	{"log", "format", "text", AT(log_format), TEXT(FORMAT),
	 "Text for a terminal, or json: one JSON object a line for a service."},
	{"alerts", "window", "1h", AT(alerts_window_ms), NUMBER(TIME, 1, 24 * HOUR),
	 "The same alert again within this time is counted, not written again."},
	{"alerts", "repeated", "10", AT(alerts_repeated), NUMBER(INT, 1, 1000000),
	 "Failures of one peer within that time (refused associations and instances, broken connections) that are an alert."},
	{"alerts", "size", "4M", AT(alerts_size), NUMBER(SIZE, 4 * K, 1 * G),
	 "Size at which alerts.log is begun anew; the last three are kept."},
	{"audit", "size", "64M", AT(audit_size), NUMBER(SIZE, 64 * K, 1 * T),
	 "Size at which a file of the audit trail is closed and the next one begun; none is ever removed."},
	{"audit", "syslog", "", AT(audit_syslog), TEXT(OPTIONAL),
	 "HOST:PORT of a syslog collector that gets the audit trail over TLS (RFC 5425); nothing: none."},
	{"audit", "syslog_ca", "", AT(audit_ca), TEXT(OPTIONAL),
	 "PEM file of the certificates that the collector is proved with; nothing: those of the system."},
	{"audit", "syslog_certificate", "", AT(audit_certificate), TEXT(OPTIONAL),
	 "PEM file of the certificate that the collector is shown; nothing: none."},
	{"audit", "syslog_key", "", AT(audit_key), TEXT(OPTIONAL), "PEM file of its key; nothing: in the same file."},
	{"http", "listen", "127.0.0.1", AT(http_listen), TEXT(ADDRESS),
	 "Address to answer HTTP on; 0.0.0.0 is every network of this machine."},
	{"http", "port", "8104", AT(http_port), NUMBER(INT, 0, 65535),
	 "Port for HTTP; 0 takes a free one and prints it."},
	{"http", "plain", "false", AT(http_plain), NUMBER(BOOL, 0, 1),
	 "Answer without TLS on addresses that other machines reach: passwords and images can be read on the way."},
	{"http", "tls_certificate", "", AT(http_certificate), TEXT(OPTIONAL),
	 "PEM file of the node's certificate and those above it: HTTPS; nothing: plain HTTP."},
	{"http", "tls_key", "", AT(http_key), TEXT(OPTIONAL), "PEM file of its key; nothing: in the same file."},
	{"http", "tls_client_ca", "", AT(http_client_ca), TEXT(OPTIONAL),
	 "PEM file of authorities: clients are asked for a certificate, and one that is shown must be of these."},
	{"http", "trusted_proxies", "", AT(http_trusted), TEXT(OPTIONAL),
	 "Addresses or ranges (10.1.0.0/16) of reverse proxies, between commas: what they say of their clients counts."},
	{"http", "max_connections", "12000", AT(http_max_connections), NUMBER(INT, 1, 1000000),
	 "Connections at one time; one more is closed at once."},
	{"http", "max_each", "0", AT(http_max_each), NUMBER(INT, 0, 1000000),
	 "Connections of one address at one time (a proxy is one address); 0: no limit of their own."},
	{"http", "idle", "1min", AT(http_idle_ms), NUMBER(TIME, 100, 24 * HOUR),
	 "A connection without a request, or without progress in a body, for so long is closed."},
	{"http", "head", "8K", AT(http_head), NUMBER(SIZE, 8 * K, 1 * M),
	 "Longest head of a request: its first line and all headers; a longer one is answered with 431. Long tokens of an "
	 "identity provider may need 16K. Each connection takes this and 6 KB of memory."},
	{"http", "head_time", "15s", AT(http_head_ms), NUMBER(TIME, 100, HOUR),
	 "Time in which a head that has begun must be complete."},
	{"http", "max_body", "0", AT(http_max_body), NUMBER(SIZE, 0, 1024 * T),
	 "Longest body of a request; 0: no limit."},
	{"http", "qido_limit", "1000", AT(http_qido_limit), NUMBER(INT, 0, 1000000000),
	 "Most answers to one search across studies (QIDO-RS); 0: no limit. Within a study there is none."},
	{"http", "workers", "0", AT(http_workers), NUMBER(INT, 0, 1024),
	 "Threads that answers are made on; 0: a number that suits the processors."},
	{"login", "idle", "30min", AT(login_idle_ms), NUMBER(TIME, MINUTE, 24 * HOUR),
	 "A person's session that was not used for so long is over."},
	{"login", "session", "12h", AT(login_session_ms), NUMBER(TIME, MINUTE, 720 * HOUR),
	 "A person's session is over after so long in any case."},
	{"login", "tries", "8", AT(login_tries), NUMBER(INT, 3, 1000),
	 "Wrong passwords for one name (ten times as many from one address) that lock it; from the third on each "
	 "costs a growing pause."},
	{"login", "lock", "15min", AT(login_lock_ms), NUMBER(TIME, SEC, 24 * HOUR),
	 "How long it is locked then, and how long failures are remembered."},
	{"login", "glass", "1h", AT(login_glass_ms), NUMBER(TIME, MINUTE, 24 * HOUR),
	 "A study that a reader opened in an emergency (break-glass) stays open for so long."},
	{"oidc", "issuer", "", AT(oidc_issuer), TEXT(OPTIONAL),
	 "URL of the OpenID Connect provider whose tokens are taken; nothing: none are."},
	{"oidc", "audience", "", AT(oidc_audience), TEXT(OPTIONAL),
	 "Audience that a token for the API must name; nothing: client_id."},
	{"oidc", "client_id", "", AT(oidc_client_id), TEXT(OPTIONAL),
	 "Name of this node at the provider, for people who log in there."},
	{"oidc", "client_secret_file", "", AT(oidc_client_secret_file), TEXT(OPTIONAL),
	 "File with the client's secret; nothing: a public client."},
	{"oidc", "redirect", "", AT(oidc_redirect), TEXT(OPTIONAL),
	 "URL of this node's /api/oidc/callback as browsers see it; nothing: nobody logs in that way."},
	{"oidc", "algorithms", "RS256 PS256 ES256 ES384", AT(oidc_algorithms), TEXT(STRING),
	 "Signatures that are taken, with blanks between them: RS256, PS256, ES256 or ES384."},
	{"oidc", "name_claim", "preferred_username", AT(oidc_name_claim), TEXT(STRING),
	 "Claim that names the person; sub where it is absent."},
	{"oidc", "roles_claim", "roles", AT(oidc_roles_claim), TEXT(STRING),
	 "Claim with the roles, as realm_access.roles where it lies within others."},
	{"oidc", "sites_claim", "sites", AT(oidc_sites_claim), TEXT(STRING),
	 "Claim with the sites."},
	{"oidc", "roles", "", AT(oidc_roles), TEXT(OPTIONAL),
	 "What the claim's values mean, as: radiologists=reader; heads=chief,qa. Nothing: they are names of roles."},
	{"oidc", "sites", "", AT(oidc_sites), TEXT(OPTIONAL),
	 "Likewise of sites, as: north-hospital=NORTH. Nothing: they are codes of sites."},
	{"oidc", "skew", "1min", AT(oidc_skew_ms), NUMBER(TIME, 0, 10 * MINUTE),
	 "How far the provider's clock may be off."},
	{"oidc", "refresh", "30s", AT(oidc_refresh_ms), NUMBER(TIME, 100, HOUR),
	 "Keys of the provider are fetched again, where a token names an unknown one, not more often than this."},
	{"oidc", "ca_file", "", AT(oidc_ca_file), TEXT(OPTIONAL),
	 "PEM file of authorities that the provider's certificate is verified by; nothing: those of the system."},
};
/* clang-format on */
#define KEYS (sizeof keys / sizeof keys[0])

/* What [coerce AET] may say, for who reads the file. */
static const char coerce_help[] =
    "\n# Rules for what one peer sends over DICOM, by its AE title; a section for each such peer, none by default. "
    "What a\n"
    "# rule changes is noted in the instance itself (Original Attributes Sequence) and answered with B000.\n"
    "#[coerce CT1]\n"
    "# The value takes the place of what is there, or is added; no value empties the attribute.\n"
    "#set InstitutionName = County Hospital One\n"
    "# Only where the attribute is absent or empty.\n"
    "#default IssuerOfPatientID = COUNTY1\n"
    "# Put before a value that does not begin so already.\n"
    "#prefix PatientID = C1-\n"
    "# Attributes to be taken out, with blanks between them.\n"
    "#remove = PatientAddress PatientTelephoneNumbers\n"
    "# success: for a sender that takes the warning B000 as a failure.\n"
    "#status = warning\n";
static const char settle_help[] =
    "\n# Rules for the form that settled instances are kept in, a section for each, by any name. The first one counts "
    "whose\n"
    "# conditions all hold; none by default, and where none holds it is htj2k-lossless wherever that codec carries "
    "the\n"
    "# samples exactly. What came compressed is always kept as it came.\n"
    "#[settle radiographs]\n"
    "# Conditions, each a list between commas: codes of modalities, UIDs of SOP classes, codes of sites, photometric\n"
    "# interpretations. Those that are left out hold for everything.\n"
    "#modality = CR, DX\n"
    "#sop_class = 1.2.840.10008.5.1.4.1.1.1.1\n"
    "#site = COUNTY1\n"
    "#photometric = MONOCHROME1, MONOCHROME2\n"
    "# htj2k-lossless, j2k-lossless, jpegls-lossless or keep.\n"
    "#form = j2k-lossless\n";

/* Sections of which there may be many, each with a name, and settings that a higher floor knows. */
static const struct group {
	const char *word, *what;
	size_t offset; /* of its rules */
	struct value_range range;
	const char *help;
} groups[] = {
    {"coerce ", "AET", AT(coerce), TEXT(AET), coerce_help},
    {"settle ", "NAME", AT(settle), TEXT(NAME), settle_help},
};
#define GROUPS (sizeof groups / sizeof groups[0])

static struct config_rules *rules_at(struct config *c, const struct group *g)
{
	return (struct config_rules *)((char *)c + g->offset);
}

static char **text_at(struct config *c, const struct key *k)
{
	return (char **)((char *)c + k->offset);
}

void config_cleanup(struct config *c)
{
	for (const struct key *k = keys; k < keys + KEYS; k++)
		if (value_is_text(k->range.type))
			free(*text_at(c, k));
	for (const struct group *g = groups; g < groups + GROUPS; g++)
		config_rules_cleanup(rules_at(c, g));
	memset(c, 0, sizeof *c);
}

static int store_text(struct config *c, const struct key *k, const char *value)
{
	char *copy;

	if (value_text(&k->range, value) < 0)
		return -E_CONFIG;
	if (!(copy = strdup(value)))
		return -E_NOMEM;
	free(*text_at(c, k));
	*text_at(c, k) = copy;
	return 0;
}

static int store(struct config *c, const struct key *k, const char *value)
{
	void *at = (char *)c + k->offset;
	int64_t n;

	if (value_is_text(k->range.type))
		return store_text(c, k, value);
	if (value_number(&k->range, value, &n) < 0)
		return -E_CONFIG;
	if (k->range.type == VALUE_BOOL)
		*(bool *)at = n != 0;
	else
		*(int64_t *)at = n;
	return 0;
}

static int (*check_list)(const char *value, struct err *e);

void config_check_list(int (*check)(const char *value, struct err *e))
{
	check_list = check;
}

/* As store, and says what was wrong: "[dicom] port = x: expected ...". */
static int store_or_say(struct config *c, const struct key *k, const char *value, struct err *e)
{
	AUTO(buf) expected = BUF(256);
	int rc;

	if (k->range.type == VALUE_LIST && check_list && check_list(value, e) < 0) {
		if (!e)
			return -E_CONFIG;
		e->code = E_CONFIG;
		return err_prefix(e, "[%s] %s", k->section, k->name);
	}
	rc = store(c, k, value);

	if (rc == 0)
		return 0;
	if (rc == -E_NOMEM)
		return err_set(e, E_NOMEM, "no memory for the configuration");
	if ((rc = value_expected(&k->range, &expected, e)) < 0)
		return rc;
	return err_set(e, E_CONFIG, "[%s] %s = %.40s: expected %s", k->section, k->name, value, buf_text(&expected));
}

static const struct key *find_key(const char *section, const char *name)
{
	for (const struct key *k = keys; k < keys + KEYS; k++)
		if (strcmp(k->section, section) == 0 && strcmp(k->name, name) == 0)
			return k;
	return NULL;
}

/* Its name in the table, or NULL. */
static const char *find_section(const char *section)
{
	for (const struct key *k = keys; k < keys + KEYS; k++)
		if (strcmp(k->section, section) == 0)
			return k->section;
	return NULL;
}

static int unknown_section(const char *section, struct err *e)
{
	AUTO(buf) all = BUF(384);
	const char *last = "";

	for (const struct key *k = keys; k < keys + KEYS; k++) {
		if (strcmp(k->section, last) != 0)
			buf_printf(&all, NULL, "%s[%s]", all.len ? " " : "", k->section);
		last = k->section;
	}
	for (const struct group *g = groups; g < groups + GROUPS; g++)
		buf_printf(&all, NULL, " [%s%s]", g->word, g->what);
	return err_set(e, E_CONFIG, "unknown section [%.40s], expected one of: %s", section, buf_text(&all));
}

static int unknown_key(const char *section, const char *name, struct err *e)
{
	AUTO(buf) all = BUF(256);

	if (!find_section(section))
		return unknown_section(section, e);
	for (const struct key *k = keys; k < keys + KEYS; k++)
		if (strcmp(k->section, section) == 0)
			buf_printf(&all, NULL, "%s%s", all.len ? " " : "", k->name);
	return err_set(e, E_CONFIG, "unknown key %.40s in [%s], expected one of: %s", name, section, buf_text(&all));
}

int config_default(struct config *c, struct err *e)
{
	struct config fresh = {0};

	for (const struct key *k = keys; k < keys + KEYS; k++) {
		int rc = store_or_say(&fresh, k, k->standard, e);

		if (rc < 0) {
			config_cleanup(&fresh);
			return rc;
		}
	}
	config_cleanup(c);
	*c = fresh;
	return 0;
}

int config_copy(struct config *to, const struct config *from, struct err *e)
{
	struct config fresh = *from;
	bool complete = true;

	for (const struct key *k = keys; k < keys + KEYS; k++)
		if (value_is_text(k->range.type)) {
			char **text = text_at(&fresh, k);

			complete = (*text = strdup(*text)) && complete;
		}
	for (const struct group *g = groups; g < groups + GROUPS; g++) {
		struct config_rules *mine = rules_at(&fresh, g);
		const struct config_rules theirs = *mine;

		*mine = (struct config_rules){0};
		complete = config_rules_copy(&theirs, mine, NULL) == 0 && complete;
	}
	if (!complete) {
		config_cleanup(&fresh);
		return err_set(e, E_NOMEM, "no memory for the configuration");
	}
	config_cleanup(to);
	*to = fresh;
	return 0;
}

int config_set(struct config *c, const char *key, const char *value, struct err *e)
{
	const char *dot = strchr(key, '.');
	const struct key *k;
	char section[32];

	if (!dot || (size_t)(dot - key) >= sizeof section)
		return err_set(e, E_CONFIG, "%.40s: expected section.key, such as dicom.port", key);
	memcpy(section, key, (size_t)(dot - key));
	section[dot - key] = '\0';
	k = find_key(section, dot + 1);
	return k ? store_or_say(c, k, value, e) : unknown_key(section, dot + 1, e);
}

/* --- a file --- */

/* GKeyFile reads the values but tells no line numbers, so the lines are walked once here; by then every line is known
 * to be blank, a comment, a known section or a known key. */
struct walk {
	struct config *c;
	GKeyFile *values;
	const char *section;       /* of the table; NULL before the first, and in a group */
	const struct group *group; /* NULL: in none */
	char name[VALUE_NAME_MOST + 1];
	unsigned line, seen[KEYS]; /* seen: line of each key */
};

static int walk_group(struct walk *w, const struct group *g, const char *name, struct err *e)
{
	AUTO(buf) expected = BUF(256);

	if (value_text(&g->range, name) < 0 || strpbrk(name, "\"'")) {
		value_expected(&g->range, &expected, NULL);
		return err_set(e, E_CONFIG, "[%s%.40s]: expected %s", g->word, name, buf_text(&expected));
	}
	w->group = g;
	memcpy(w->name, name, strlen(name) + 1); /* value_text() has seen to its length */
	return 0;
}

static int walk_section(struct walk *w, const char *line, size_t n, struct err *e)
{
	char name[64];

	if (n < 3 || line[n - 1] != ']')
		return err_set(e, E_CONFIG, "%.*s: expected [section]", (int)(n < 40 ? n : 40), line);
	snprintf(name, sizeof name, "%.*s", (int)(n - 2), line + 1);
	w->group = NULL;
	w->section = NULL;
	for (const struct group *g = groups; g < groups + GROUPS; g++)
		if (strncmp(name, g->word, strlen(g->word)) == 0)
			return walk_group(w, g, name + strlen(g->word), e);
	if (!(w->section = find_section(name)))
		return unknown_section(name, e);
	return 0;
}

/* Quotes and comments behind a value, which other formats take away, would be a part of the AE title here. */
static int check_literal(const struct key *k, const char *value, struct err *e)
{
	if (k->range.type != VALUE_AET || !strpbrk(value, "#\"'"))
		return 0;
	return err_set(e, E_CONFIG, "[%s] %s = %.40s: a comment needs a line of its own, and quotes are not taken away",
		       k->section, k->name, value);
}

/* The value as GKeyFile reads it; the caller frees it by g_free(). */
static int read_value(struct walk *w, const char *section, const char *name, char **out, struct err *e)
{
	GError *why = NULL;
	int rc;

	if ((*out = g_key_file_get_string(w->values, section, name, &why))) {
		g_strchomp(*out);
		return 0;
	}
	rc = err_set(e, E_CONFIG, "[%s] %s: %s", section, name, why->message);
	g_error_free(why);
	return rc;
}

static int walk_rule(struct walk *w, const char *name, struct err *e)
{
	struct config_rules *rules = rules_at(w->c, w->group);
	const struct config_rule *first = config_rules_find(rules, w->name, name);
	char section[64], *value;
	int rc;

	snprintf(section, sizeof section, "%s%s", w->group->word, w->name);
	if (first)
		return err_set(e, E_CONFIG, "[%s] %s is set twice, first in line %u", section, name, first->line);
	if ((rc = read_value(w, section, name, &value, e)) < 0)
		return rc;
	rc = config_rules_add(rules, w->name, name, value, w->line, e);
	g_free(value);
	return rc;
}

static int walk_key(struct walk *w, const char *line, size_t n, struct err *e)
{
	const char *equals = memchr(line, '=', n);
	size_t len = equals ? (size_t)(equals - line) : 0;
	const struct key *k;
	char name[64], *value;
	int rc;

	if (!equals)
		return err_set(e, E_CONFIG, "%.*s: expected key = value", (int)(n < 40 ? n : 40), line);
	while (len > 0 && (line[len - 1] == ' ' || line[len - 1] == '\t'))
		len--;
	snprintf(name, sizeof name, "%.*s", (int)(len < sizeof name ? len : sizeof name - 1), line);
	if (w->group)
		return walk_rule(w, name, e);
	if (!w->section)
		return err_set(e, E_CONFIG, "%.40s stands before the first [section]", name);
	if (!(k = find_key(w->section, name)))
		return unknown_key(w->section, name, e);
	if (w->seen[k - keys])
		return err_set(e, E_CONFIG, "[%s] %s is set twice, first in line %u", k->section, name,
			       w->seen[k - keys]);
	w->seen[k - keys] = w->line;
	if ((rc = read_value(w, k->section, k->name, &value, e)) < 0)
		return rc;
	if ((rc = check_literal(k, value, e)) == 0)
		rc = store_or_say(w->c, k, value, e);
	g_free(value);
	return rc;
}

static int walk_line(struct walk *w, const char *line, size_t n, struct err *e)
{
	while (n > 0 && (line[n - 1] == ' ' || line[n - 1] == '\t' || line[n - 1] == '\r'))
		n--;
	while (n > 0 && (*line == ' ' || *line == '\t'))
		line++, n--;
	if (n == 0 || *line == '#')
		return 0;
	if (!text_valid(line, n))
		return err_set(e, E_CONFIG, "not UTF-8 text");
	return *line == '[' ? walk_section(w, line, n, e) : walk_key(w, line, n, e);
}

static int walk_lines(struct walk *w, const char *path, const char *text, size_t n, struct err *e)
{
	const char *end = text + n;

	while (text < end) {
		const char *stop = memchr(text, '\n', (size_t)(end - text));
		size_t len = (size_t)((stop ? stop : end) - text);

		w->line++;
		if (walk_line(w, text, len, e) < 0)
			return err_prefix(e, "%s:%u", path, w->line);
		text += len + (stop ? 1 : 0);
	}
	return 0;
}

static int read_file(const char *path, struct buf *out, struct err *e)
{
	FILE *f = fopen(path, "re");
	int rc = 0;

	if (!f)
		return err_sys(e, errno == ENOENT ? E_NOENT : E_CONFIG, "%s", path);
	while (rc == 0 && !feof(f) && !ferror(f)) {
		if ((rc = buf_reserve(out, 4096, e)) == 0)
			out->len += fread(out->data + out->len, 1, 4096, f);
	}
	if (rc == 0 && ferror(f))
		rc = err_sys(e, E_CONFIG, "%s", path);
	else if (rc < 0)
		err_prefix(e, "%s", path);
	fclose(f);
	return rc;
}

/* Editors of Windows begin a file with a byte order mark. */
static void skip_mark(const char **text, size_t *n)
{
	if (*n >= 3 && memcmp(*text, "\xEF\xBB\xBF", 3) == 0) {
		*text += 3;
		*n -= 3;
	}
}

int config_load(struct config *c, const char *path, struct err *e)
{
	AUTO(buf) file = BUF(FILE_MOST);
	AUTO(config) fresh = {0};
	struct walk w = {.c = &fresh};
	const char *text;
	size_t n;
	int rc;

	if ((rc = config_default(&fresh, e)) < 0 || (path && (rc = read_file(path, &file, e)) < 0))
		return rc;
	text = buf_text(&file);
	n = file.len;
	skip_mark(&text, &n);
	w.values = g_key_file_new();
	/* What it does not like is a line that the walk names; it keeps what it read up to there. */
	g_key_file_load_from_data(w.values, text, n, G_KEY_FILE_NONE, NULL);
	rc = walk_lines(&w, path, text, n, e);
	g_key_file_free(w.values);
	if (rc < 0)
		return rc;
	config_cleanup(c);
	*c = fresh;
	memset(&fresh, 0, sizeof fresh);
	return 0;
}

/* --- printing --- */

/* As GKeyFile reads it back: backslashes and blanks at the front are escaped. */
static int print_text(const char *value, struct buf *out, struct err *e)
{
	GKeyFile *f = g_key_file_new();
	char *spelled;
	int rc;

	g_key_file_set_string(f, "s", "k", value);
	spelled = g_key_file_get_value(f, "s", "k", NULL);
	rc = buf_str(out, spelled, e);
	g_free(spelled);
	g_key_file_free(f);
	return rc;
}

static int print_key(const struct config *c, const struct key *k, struct buf *out, struct err *e)
{
	const void *at = c ? (const char *)c + k->offset : NULL;
	int rc;

	if ((rc = buf_printf(out, e, "# %s\n# Expected: ", k->help)) < 0 ||
	    (rc = value_expected(&k->range, out, e)) < 0 ||
	    (rc = buf_printf(out, e, ". Default: %s\n%s%s = ", k->standard, c ? "" : "#", k->name)) < 0)
		return rc;
	if (!at)
		rc = buf_str(out, k->standard, e);
	else if (value_is_text(k->range.type))
		rc = print_text(*(char *const *)at, out, e);
	else if (k->range.type == VALUE_BOOL)
		rc = value_spell(VALUE_BOOL, *(const bool *)at, out, e);
	else
		rc = value_spell(k->range.type, *(const int64_t *)at, out, e);
	return rc < 0 ? rc : buf_byte(out, '\n', e);
}

static int print_rules(const struct group *g, const struct config_rules *r, struct buf *out, struct err *e)
{
	const char *name = "";
	int rc = 0;

	for (unsigned i = 0; i < r->n && rc == 0; i++) {
		const struct config_rule *one = &r->v[i];

		if (strcmp(name, one->name) != 0)
			rc = buf_printf(out, e, "\n[%s%s]\n", g->word, one->name);
		name = one->name;
		if (rc == 0 && (rc = buf_printf(out, e, "%s = ", one->key)) == 0 &&
		    (rc = print_text(one->value, out, e)) == 0)
			rc = buf_byte(out, '\n', e);
	}
	return rc;
}

int config_print(const struct config *c, struct buf *out, struct err *e)
{
	const char *section = "";
	int rc = buf_str(out, "# Configuration of a Teleread node. What is not set here has its default.\n", e);

	for (const struct key *k = keys; k < keys + KEYS && rc == 0; k++) {
		if (strcmp(section, k->section) != 0)
			rc = buf_printf(out, e, "\n[%s]\n", k->section);
		else
			rc = buf_byte(out, '\n', e);
		section = k->section;
		if (rc == 0)
			rc = print_key(c, k, out, e);
	}
	for (const struct group *g = groups; g < groups + GROUPS && rc == 0; g++) {
		rc = buf_str(out, g->help, e);
		if (rc == 0 && c)
			rc = print_rules(g, (const struct config_rules *)((const char *)c + g->offset), out, e);
	}
	return rc;
}
