/* base/config.h - the node's settings: one table says every key, its type, default and help.
 *
 * A file is GKeyFile syntax: [section] lines and key = value lines, # begins a comment line. Unknown sections, unknown
 * or repeated keys and bad values are errors (-E_CONFIG) that name file, line, key and what was expected. Sizes take K, M,
 * G, T (1024); times take ms, s, min, h and need one of them.
 * Keys are named as the fields below, without the words that the section says already:
 *     node.data node.aet
 *     dicom.listen dicom.port dicom.max_associations dicom.max_pdu_receive dicom.max_pdu_send dicom.artim dicom.idle
 *     dicom.dimse dicom.check_called_aet dicom.find_limit dicom.tls_port dicom.tls_certificate dicom.tls_key
 *     dicom.tls_ca
 *     query.relational query.require_key query.most query.fuzzy query.timezone index.attributes
 *     archive.reserve archive.pack_size archive.prewrite archive.buffer archive.max_instance archive.retention_years
 *     dicom.async_window
 *     settle.enabled settle.quiet settle.grace settle.at_once settle.busy
 *     imaging.workers imaging.memory imaging.time imaging.sandbox imaging.cache
 *     commitment.report commitment.retry commitment.give_up commitment.keep
 *     audit.size audit.syslog audit.syslog_ca audit.syslog_certificate audit.syslog_key
 *     log.level log.format alerts.window alerts.repeated alerts.size
 *     http.listen http.port http.plain http.tls_certificate http.tls_key http.tls_client_ca http.trusted_proxies
 *     http.max_connections http.max_each http.idle http.head http.head_time http.max_body http.workers
 *     http.qido_limit
 *     login.idle login.session login.tries login.lock login.glass
 *     oidc.issuer oidc.audience oidc.client_id oidc.client_secret_file oidc.redirect oidc.algorithms oidc.name_claim
 *     oidc.roles_claim oidc.sites_claim oidc.roles oidc.sites oidc.skew oidc.refresh oidc.ca_file
 * Sections [coerce AET], one for each peer, and [settle NAME] hold rules that only whoever applies them can check.
 * Order of precedence: command line, then file, then default; so load first, then set.
 * Memory:   strings in struct config are owned by it; config_cleanup() frees. A struct begins as zeros.
 *           On failure the struct is left as it was.
 * Threads:  read-only after loading.
 */
#ifndef BASE_CONFIG_H
#define BASE_CONFIG_H

#include "base/buf.h"
#include "base/config_rules.h"
#include <stdbool.h>

struct config {
	/* [node] */
	char *data; /* folder of index and packs */
	char *aet;  /* our AE title */
	/* [dicom] */
	char *listen;       /* address to bind */
	int64_t dicom_port; /* 0 takes a free one */
	int64_t max_associations;
	int64_t max_pdu_receive; /* bytes */
	int64_t max_pdu_send;    /* bytes: upper bound for what we send, whatever the peer allows */
	int64_t artim_ms;        /* A-ASSOCIATE-RQ must be complete by then; also the wait for the peer's close */
	int64_t idle_ms;         /* association without a message */
	int64_t dimse_ms;        /* a message begun must make progress within this */
	bool check_called_aet;   /* refuse a Called AE Title that is not ours */
	int64_t find_limit;      /* most matches of one C-FIND; 0: no limit */
	int64_t async_window;    /* most operations that a peer may have outstanding on one association */
	int64_t tls_port;        /* where tls_certificate is set */
	char *tls_certificate, *tls_key, *tls_ca; /* PEM files; "" none */
	/* [query] */
	bool relational;  /* unique keys above the level may be left out, even where that was not negotiated */
	bool require_key; /* refuse a C-FIND without a single value to look for */
	int64_t most;     /* refuse a C-FIND with more matches, before its first answer; 0: none is refused */
	char *fuzzy;      /* names: negotiated, always, off */
	char *timezone;   /* offset of dates and times whose object tells none: +0800, or local */
	/* [index] */
	char *attributes; /* kept besides those built in; archive/attr_extra.h reads it */
	/* [archive] */
	int64_t reserve;         /* bytes of disk that stay free: below it C-STORE answers A700 */
	int64_t pack_size;       /* size at which an intake pack is sealed */
	int64_t prewrite;        /* bytes of packs written with zeros in advance; 0: none */
	int64_t buffer;          /* instances up to this size share a pack; larger ones get a pack of their own */
	int64_t max_instance;    /* bytes; larger is refused; 0: no limit */
	int64_t retention_years; /* a younger study cannot be dropped; 0: any can */
	/* [settle] */
	bool settle_enabled;
	int64_t settle_quiet_ms; /* a series without an arrival for so long is settled */
	int64_t settle_grace_ms; /* until the blocks of what was received are given back */
	int64_t settle_at_once;  /* instances that are encoded at one time; 0: by itself */
	int64_t settle_busy_ms;  /* throttled while something arrived within this */
	/* [settle NAME]: rules for the form they are kept in; imaging/form.h reads them */
	struct config_rules settle;
	/* [imaging] */
	int64_t imaging_workers; /* 0: by itself */
	int64_t imaging_memory;  /* bytes, of each */
	int64_t imaging_time_ms; /* of a processor, for a job */
	char *imaging_sandbox;   /* required or optional */
	int64_t imaging_cache;   /* bytes on disk */
	/* [commitment] */
	char *commit_report;      /* auto, same or new: over which association the result goes */
	int64_t commit_retry_ms;  /* until the first new try; each one after it waits twice as long, up to an hour */
	int64_t commit_giveup_ms; /* after that long nobody is told any more */
	int64_t commit_keep_ms;   /* what was told is told again on the same request */
	/* [log] */
	char *log_level, *log_format;
	/* [alerts] */
	int64_t alerts_window_ms;
	int64_t alerts_repeated; /* failures of one peer within the window that are an alert */
	int64_t alerts_size;     /* bytes of alerts.log */
	/* [audit] */
	int64_t audit_size;                                            /* bytes of one file of the trail */
	char *audit_syslog, *audit_ca, *audit_certificate, *audit_key; /* "" none */
	/* [coerce AET]: rules for what that peer sends, as written; dicom/coerce.h reads them */
	struct config_rules coerce;
	/* [http] */
	char *http_listen;
	int64_t http_port;                                  /* 0 takes a free one */
	bool http_plain;                                    /* no TLS, although not on loopback */
	char *http_certificate, *http_key, *http_client_ca; /* PEM files; "" none */
	char *http_trusted;                                 /* proxies; web/proxy.h reads it */
	int64_t http_max_connections, http_max_each;
	int64_t http_idle_ms;
	int64_t http_head; /* bytes */
	int64_t http_head_ms;
	int64_t http_max_body;   /* bytes; 0: no limit */
	int64_t http_workers;    /* 0: by itself */
	int64_t http_qido_limit; /* answers to a search across studies; 0: all */
	/* [login] */
	int64_t login_idle_ms;    /* a session that was not used for so long is over */
	int64_t login_session_ms; /* and after so long in any case */
	int64_t login_tries;      /* wrong passwords for one name that lock it */
	int64_t login_lock_ms;    /* for how long */
	int64_t login_glass_ms;   /* a study opened in an emergency stays open for so long */
	/* [oidc]: OpenID Connect */
	char *oidc_issuer;   /* URL; "": OpenID Connect is not used */
	char *oidc_audience; /* "": client_id */
	char *oidc_client_id;
	char *oidc_client_secret_file;
	char *oidc_redirect;
	char *oidc_algorithms;
	char *oidc_name_claim;
	char *oidc_roles_claim;
	char *oidc_sites_claim;
	char *oidc_roles;
	char *oidc_sites;
	int64_t oidc_skew_ms;
	int64_t oidc_refresh_ms;
	char *oidc_ca_file;
};

/* Replaces what c holds. */
int config_default(struct config *c, struct err *e);
/* Replaces what c holds by the defaults and, over them, the file; path NULL leaves the defaults. -E_NOENT: no such file. */
int config_load(struct config *c, const char *path, struct err *e);
/* One setting "section.key", as the command line gives it. */
int config_set(struct config *c, const char *key, const char *value, struct err *e);
/* The whole file with every key explained: with values of c, or (c NULL) the commented defaults. */
int config_print(const struct config *c, struct buf *out, struct err *e);
/* Replaces what to holds. */
int config_copy(struct config *to, const struct config *from, struct err *e);
/* Who checks index.attributes (its words are a higher floor's); set once at start. Its error becomes that of the line. */
void config_check_list(int (*check)(const char *value, struct err *e));
void config_cleanup(struct config *c);
AUTO_TYPE(config, struct config);
#endif
