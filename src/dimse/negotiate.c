#include "base/log.h"
#include "base/metrics.h"
#include "dicom/dict.h"
#include "dimse/conform.h"
#include "dimse/session.h"
#include "imaging/codec.h"
#include "imaging/transcode.h"
#include "net/server.h"
#include <stdio.h>
#include <string.h>

static struct metric m_unknown =
    METRIC(COUNTER, "teleread_associations_rejected_total", "reason=\"unknown_caller\"", "Associations refused");
static struct metric m_called =
    METRIC(COUNTER, "teleread_associations_rejected_total", "reason=\"called_aet\"", "Associations refused");

/* ---- who calls */

/* An IPv4 caller of a listener for both: ::ffff:10.0.0.1. */
static void unmap(char *address)
{
	if (strncmp(address, "::ffff:", 7) == 0 && strchr(address, '.'))
		memmove(address, address + 7, strlen(address + 7) + 1);
}

static int identify(struct session *s, struct err *e)
{
	const struct site *guest = s->face->unknown_as;
	int rc = peer_identify(s->face->archive, s->peer.calling, s->peer.address, &s->who, e);

	if (rc != -E_DENIED || !guest || !server_loopback(s->peer.address))
		return rc;
	*e = (struct err){0};
	s->who = (struct peer){.site = guest->id};
	snprintf(s->who.aet, sizeof(s->who.aet), "%s", s->peer.calling);
	snprintf(s->who.site_code, sizeof(s->who.site_code), "%s", guest->code);
	return 0;
}

/* Whether the caller came the way that the registry demands of this peer. */
static int check_tls(const struct session *s, struct err *e)
{
	if (s->who.tls && !s->peer.tls)
		return err_set(e, E_DENIED, "it is to call over TLS only");
	if (s->who.certificate[0] && strcmp(s->who.certificate, s->peer.certificate) != 0)
		return err_set(e, E_DENIED,
			       s->peer.certificate[0] ? "its certificate is not the one that it is known by"
						      : "it showed no certificate");
	if (s->who.tls && !s->who.certificate[0] && s->face->config->tls_ca[0] && !s->peer.proved)
		return err_set(e, E_DENIED, "its certificate cannot be proved");
	return 0;
}

/* ---- what is spoken */

static bool storage_wanted(const struct session *s, const char *abstract)
{
	return uid_is_storage(abstract) || (s->who.private_classes && !uid_is_standard(abstract));
}

static const char *const query_classes[SESSION_QUERY_CLASSES] = {UID_FIND_PATIENT, UID_FIND_STUDY,  UID_MOVE_PATIENT,
								 UID_MOVE_STUDY,   UID_GET_PATIENT, UID_GET_STUDY};

/* Its number in query_classes; SESSION_QUERY_CLASSES for any other class. */
static unsigned query_class(const char *abstract)
{
	unsigned i = 0;

	while (i < SESSION_QUERY_CLASSES && strcmp(abstract, query_classes[i]) != 0)
		i++;
	return i;
}

/* Rules of coercion reach into data sets whose form is known, and not into deflated ones. */
static bool storage_syntax_taken(const struct session *s, const char *syntax)
{
	if (s->coerce)
		return uid_is_syntax(syntax) && !uid_is_deflated(syntax);
	return uid_is_syntax(syntax) || (s->who.private_classes && !uid_is_standard(syntax));
}

/* We are the SCP: one who wants to be it himself has nothing to ask here. */
static bool commitment_class(const struct session *s, const struct shim_context *c)
{
	return s->face->reporter && strcmp(c->abstract, UID_COMMITMENT) == 0 && c->role_scu;
}

/* Storage takes what the peer likes best: every syntax is kept as it comes. */
static const char *storage_syntax(const struct session *s, const struct shim_context *c)
{
	for (unsigned i = 0; i < c->n_syntaxes; i++)
		if (storage_syntax_taken(s, c->syntaxes[i]))
			return c->syntaxes[i];
	return NULL;
}

/* Pixels that not every codec carries: single bits, more than 16 of them, numbers that are no integers. */
static bool odd_pixels(const char *abstract)
{
	static const char *const classes[] = {"1.2.840.10008.5.1.4.1.1.481.2", "1.2.840.10008.5.1.4.1.1.66.4",
					      "1.2.840.10008.5.1.4.1.1.30"}; /* dose, segmentation, parametric map */

	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
		if (strcmp(abstract, classes[i]) == 0)
			return true;
	return false;
}

/* Endoscopic, microscopic and photographic: nothing else can be made of a video. */
static bool video(const char *abstract)
{
	static const char *const classes[] = {"1.2.840.10008.5.1.4.1.1.77.1.1.1", "1.2.840.10008.5.1.4.1.1.77.1.2.1",
					      "1.2.840.10008.5.1.4.1.1.77.1.4.1"};

	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
		if (strcmp(abstract, classes[i]) == 0)
			return true;
	return false;
}

/* C-GET: what is stored is not known yet, so of those that the peer proposes it is the first that can be made of nearly
 * anything. One with loss would leave all behind that is not stored in it: it is for who proposes nothing else. */
static const char *retrieve_syntax(const struct session *s, const struct shim_context *c)
{
	const char *first = NULL;

	for (unsigned i = 0; i < c->n_syntaxes; i++) {
		const char *syntax = c->syntaxes[i];
		bool kept_only = uid_is_encapsulated(syntax) && !codec_known(CODEC_DECODE, syntax);

		if (!storage_syntax_taken(s, syntax))
			continue;
		if (video(c->abstract) ? kept_only
				       : transcode_can(UID_EXPLICIT_LE, syntax) &&
					     !(odd_pixels(c->abstract) && uid_is_encapsulated(syntax)))
			return syntax;
		if (!first || (transcode_can(UID_EXPLICIT_LE, syntax) && !transcode_can(UID_EXPLICIT_LE, first)))
			first = syntax;
	}
	return first;
}

/* Commands and identifiers: what we like best, explicit VR first. */
static const char *plain_syntax(const struct shim_context *c)
{
	static const char *const liked[] = {UID_EXPLICIT_LE, UID_IMPLICIT_LE, UID_EXPLICIT_BE};

	for (size_t k = 0; k < sizeof(liked) / sizeof(liked[0]); k++)
		for (unsigned i = 0; i < c->n_syntaxes; i++)
			if (strcmp(c->syntaxes[i], liked[k]) == 0)
				return liked[k];
	return NULL;
}

static void decide(const struct session *s, struct shim_context *c)
{
	bool storage = storage_wanted(s, c->abstract);
	const char *syntax;

	if (!storage && query_class(c->abstract) == SESSION_QUERY_CLASSES &&
	    strcmp(c->abstract, UID_VERIFICATION) != 0 && !commitment_class(s, c)) {
		c->result = 3;
		return;
	}
	syntax = !storage ? plain_syntax(c) : c->role_scp ? retrieve_syntax(s, c) : storage_syntax(s, c);
	if (!syntax || strlen(syntax) >= sizeof(c->accepted)) {
		c->result = 4;
		return;
	}
	c->result = 0;
	snprintf(c->accepted, sizeof(c->accepted), "%s", syntax);
	c->accepted_scu = c->role_scu;
	c->accepted_scp = storage && c->role_scp; /* C-GET: the caller receives */
}

/* ---- extended negotiation */

/* A byte of application information: asked for with 1. What we do is agreed on only when it was asked for. */
static bool agree(struct shim_extended *x, unsigned byte)
{
	bool asked = byte < x->n && x->proposed[byte] == 1;

	if (byte < x->n_accepted)
		x->accepted[byte] = asked;
	return asked;
}

/* FIND: relational, combined date and time, fuzzy names, time zone, enhanced multi-frame, empty values, multiple values;
 * MOVE and GET: relational, enhanced multi-frame. The answer has as many bytes as were asked, up to those we know. */
static void extend(struct session *s, struct shim_extended *x)
{
	unsigned class = query_class(x->abstract);
	struct session_extended *out = &s->extended[class];
	bool find = class < 2;

	if (class == SESSION_QUERY_CLASSES || x->n == 0)
		return;
	x->n_accepted = x->n < (find ? 7 : 2) ? x->n : (find ? 7 : 2);
	out->relational = agree(x, 0);
	if (!find)
		return;
	out->datetime = agree(x, 1);
	out->fuzzy = strcmp(s->face->config->fuzzy, "off") != 0 && agree(x, 2);
	out->timezone = agree(x, 3);
	out->empty = agree(x, 5);
	out->every = agree(x, 6);
}

const struct session_extended *session_extended(const struct session *s, const char *abstract)
{
	static const struct session_extended none;
	unsigned class = query_class(abstract);

	return class < SESSION_QUERY_CLASSES ? &s->extended[class] : &none;
}

/* ---- the same decisions, for the conformance statement */

bool conform_accepts(const struct config *c, const struct conform_peer *p, const char *abstract, const char *syntax,
		     bool *as_scp)
{
	/* A node that serves has a reporter; only whether it is there is asked. */
	struct face face = {.config = c, .reporter = (struct reporter *)(uintptr_t)c};
	struct session s = {.face = &face, .coerce = p->coerce, .who.private_classes = p->private_classes};
	struct shim_context context = {.syntaxes = &syntax, .n_syntaxes = 1, .role_scu = 1, .role_scp = 1};

	snprintf(context.abstract, sizeof(context.abstract), "%s", abstract);
	decide(&s, &context);
	*as_scp = context.result == 0 && context.accepted_scp;
	return context.result == 0;
}

const char *conform_extended(const struct config *c, const char *abstract, unsigned n, bool *agreed)
{
	static const char *const names[][7] = {{"relational queries", "combined date and time matching",
						"fuzzy semantic matching of person names", "time zone adjustment",
						"enhanced multi-frame image conversion", "empty value matching",
						"multiple value matching"},
					       {"relational retrieval", "enhanced multi-frame image conversion"}};
	struct face face = {.config = c};
	struct session s = {.face = &face};
	struct shim_extended x = {.n = SHIM_EXTENDED_MOST};

	memset(x.proposed, 1, sizeof(x.proposed));
	snprintf(x.abstract, sizeof(x.abstract), "%s", abstract);
	extend(&s, &x);
	if (n >= x.n_accepted || n >= sizeof(names[0]) / sizeof(names[0][0]))
		return NULL;
	*agreed = x.accepted[n] == 1;
	return names[x.n_accepted > 2 ? 0 : 1][n];
}

/* The reason is said to the peer as a number and, in one line, to the log. */
static int refuse(struct session *s, struct metric *m, int reason, const char *why, struct err *e)
{
	metric_add(m, 1);
	session_failed(s, "association refused", why);
	session_audit(s, AUDIT_REFUSED, true, NULL, why, 0);
	shim_assoc_reject(s->d.assoc, 1, 1, reason);
	return err_set(e, E_DENIED, "association of %s at %s refused: %s", s->peer.calling, s->peer.address, why);
}

/* While a C-GET is served the answers to its sub-operations come on the same association: a request between them would
 * have to be kept somewhere, with its data set. */
static bool may_get(const struct session *s)
{
	for (unsigned i = 0; i < SESSION_CONTEXTS; i++) {
		const struct shim_context *c = s->contexts[i];

		if (c && (strcmp(c->abstract, UID_GET_PATIENT) == 0 || strcmp(c->abstract, UID_GET_STUDY) == 0))
			return true;
	}
	return false;
}

/* Counted as the requestor does: what it may invoke, and what it performs. We invoke one operation at a time. 0 is no
 * limit, but ours holds. */
static int grant_window(struct session *s, struct err *e)
{
	unsigned most = may_get(s) ? 1 : (unsigned)s->face->config->async_window, asked = s->peer.max_invoked;
	int rc;

	if (!s->peer.has_window)
		return 0;
	s->window = asked && asked < most ? asked : most;
	rc = shim_assoc_window(s->d.assoc, (uint16_t)s->window, 1);
	return rc < 0 ? dimse_error(rc, e) : 0;
}

static int acknowledge(struct session *s, struct err *e)
{
	struct shim_context *c;
	struct shim_extended *x;
	unsigned n = shim_assoc_contexts(s->d.assoc, &c), taken = 0, extras;
	int rc;

	for (unsigned i = 0; i < n; i++) {
		decide(s, &c[i]);
		log_debug("context %u %s: %s", c[i].id, uid_name(c[i].abstract),
			  c[i].result ? "refused" : uid_name(c[i].accepted));
		if (c[i].result == 0) {
			s->contexts[c[i].id / 2] = &c[i];
			taken++;
		}
	}
	extras = shim_assoc_extended(s->d.assoc, &x);
	for (unsigned i = 0; i < extras; i++)
		extend(s, &x[i]);
	if ((rc = grant_window(s, e)) < 0)
		return rc;
	if ((rc = shim_assoc_acknowledge(s->d.assoc)) < 0)
		return dimse_error(rc, e);
	log_info("association from %s at %s%s as site %s: %u of %u contexts", s->peer.calling, s->peer.address,
		 s->peer.tls ? " over TLS" : "", s->who.site_code, taken, n);
	return 0;
}

int negotiate(struct session *s, struct err *e)
{
	const struct config *c = s->face->config;
	struct err why = {0};
	int rc;

	shim_assoc_peer(s->d.assoc, &s->peer);
	unmap(s->peer.address);
	if (c->check_called_aet && strcmp(s->peer.called, c->aet) != 0) {
		err_set(&why, E_DENIED, "it calls %s, but this node is %s", s->peer.called, c->aet);
		return refuse(s, &m_called, 7, why.msg, e);
	}
	if ((rc = identify(s, &why)) == 0)
		rc = check_tls(s, &why);
	if (rc == -E_DENIED)
		return refuse(s, &m_unknown, 3, why.msg, e);
	if (rc < 0) { /* the index is busy or broken: not the caller's fault */
		shim_assoc_reject(s->d.assoc, 2, 3, 1);
		*e = why;
		return err_prefix(e, "looking up %s", s->peer.calling);
	}
	s->coerce = coerce_of(s->face->coerce, s->peer.calling);
	return acknowledge(s, e);
}
