#include "access/audit.h"
#include "access/chain.h"
#include "base/clock.h"
#include <glib.h>
#include <libxml/parser.h>
#include <libxml/xmlwriter.h>
#include <stdio.h>
#include <string.h>

#define X(text) ((const xmlChar *)(text))

/* Codes of DCM (PS3.16 annex D). type NULL: the event has no type. */
static const struct event_code {
	const char *name, *id, *means, *type, *type_means;
	char action; /* C, R, U, D, E */
} codes[AUDIT_KINDS] = {
    [AUDIT_START] = {"start", "110100", "Application Activity", "110120", "Application Start", 'E'},
    [AUDIT_STOP] = {"stop", "110100", "Application Activity", "110121", "Application Stop", 'E'},
    [AUDIT_QUERY] = {"query", "110112", "Query", NULL, NULL, 'E'},
    [AUDIT_ACCESS] = {"access", "110103", "DICOM Instances Accessed", NULL, NULL, 'R'},
    [AUDIT_RECEIVED] = {"received", "110104", "DICOM Instances Transferred", NULL, NULL, 'C'},
    [AUDIT_SENT] = {"sent", "110104", "DICOM Instances Transferred", NULL, NULL, 'R'},
    [AUDIT_DELETED] = {"deleted", "110105", "DICOM Study Deleted", NULL, NULL, 'D'},
    [AUDIT_LOGIN] = {"login", "110114", "User Authentication", "110122", "Login", 'E'},
    [AUDIT_LOGOUT] = {"logout", "110114", "User Authentication", "110123", "Logout", 'E'},
    [AUDIT_REFUSED] = {"refused", "110113", "Security Alert", "110132", "Use of Restricted Function", 'E'},
    [AUDIT_BREAK_GLASS] = {"break-glass", "110113", "Security Alert", "110127", "Emergency Override Started", 'E'},
    [AUDIT_CHANGED] = {"changed", "110113", "Security Alert", "110129", "Security Configuration", 'E'},
    [AUDIT_LOST] = {"lost", "110113", "Security Alert", "110133", "Audit Recording Stopped", 'E'},
};

const char *audit_name(enum audit_kind kind)
{
	return codes[kind].name;
}

int audit_parse(const char *name, enum audit_kind *out)
{
	for (int i = 0; i < AUDIT_KINDS; i++)
		if (strcmp(name, codes[i].name) == 0) {
			*out = (enum audit_kind)i;
			return 0;
		}
	return -E_INVAL;
}

/* ---- writing */

static void attribute(xmlTextWriter *w, const char *name, const char *value)
{
	xmlTextWriterWriteAttribute(w, X(name), X(value));
}

static void code(xmlTextWriter *w, const char *element, const char *value, const char *scheme, const char *means)
{
	xmlTextWriterStartElement(w, X(element));
	attribute(w, "csd-code", value);
	attribute(w, "codeSystemName", scheme);
	attribute(w, "originalText", means);
	xmlTextWriterEndElement(w);
}

static void identification(xmlTextWriter *w, const struct audit_event *ev, int64_t wall_us, uint64_t repeated)
{
	const struct event_code *k = &codes[ev->kind];
	const char action[] = {k->action, '\0'};
	const char *what = ev->what ? ev->what : "";
	char stamp[32], more[64] = "";

	if (repeated)
		snprintf(more, sizeof more, "%s%llu times more", *what ? "; " : "", (unsigned long long)repeated);
	xmlTextWriterStartElement(w, X("EventIdentification"));
	attribute(w, "EventActionCode", action);
	attribute(w, "EventDateTime", clock_text(wall_us, stamp));
	attribute(w, "EventOutcomeIndicator", ev->failed ? "4" : "0");
	code(w, "EventID", k->id, "DCM", k->means);
	if (k->type)
		code(w, "EventTypeCode", k->type, "DCM", k->type_means);
	if (*what || *more)
		xmlTextWriterWriteFormatElement(w, X("EventOutcomeDescription"), "%s%s", what, more);
	xmlTextWriterEndElement(w);
}

static void participant(xmlTextWriter *w, const char *id, const char *how, const char *address, bool asks,
			const char *role, const char *role_means)
{
	xmlTextWriterStartElement(w, X("ActiveParticipant"));
	attribute(w, "UserID", id);
	if (how && *how)
		attribute(w, "AlternativeUserID", how);
	attribute(w, "UserIsRequestor", asks ? "true" : "false");
	if (address && *address) {
		attribute(w, "NetworkAccessPointID", address);
		attribute(w, "NetworkAccessPointTypeCode", "2"); /* an IP address */
	}
	if (role)
		code(w, "RoleIDCode", role, "DCM", role_means);
	xmlTextWriterEndElement(w);
}

static void participants(xmlTextWriter *w, const struct audit_event *ev, const char *node)
{
	static const char source[] = "110153", destination[] = "110152", application[] = "110150";
	const char *who = ev->who && *ev->who ? ev->who : "unknown";
	const bool in = ev->kind == AUDIT_RECEIVED, out = ev->kind == AUDIT_SENT || ev->kind == AUDIT_QUERY;

	if (ev->kind == AUDIT_START || ev->kind == AUDIT_STOP || ev->kind == AUDIT_LOST) {
		participant(w, node, NULL, NULL, false, application, "Application");
		return;
	}
	participant(w, who, ev->how, ev->address, true,
		    in                       ? source
		    : ev->kind == AUDIT_SENT ? destination
		    : out                    ? source
					     : NULL,
		    in || ev->kind == AUDIT_QUERY ? "Source Role ID" : "Destination Role ID");
	participant(w, node, NULL, NULL, false,
		    in || ev->kind == AUDIT_QUERY ? destination
		    : out                         ? source
						  : application,
		    in || ev->kind == AUDIT_QUERY ? "Destination Role ID"
		    : out                         ? "Source Role ID"
						  : "Application");
}

static void object(xmlTextWriter *w, const char *id, const char *type, const char *role)
{
	xmlTextWriterStartElement(w, X("ParticipantObjectIdentification"));
	attribute(w, "ParticipantObjectID", id);
	attribute(w, "ParticipantObjectTypeCode", type);
	attribute(w, "ParticipantObjectTypeCodeRole", role);
}

static void objects(xmlTextWriter *w, const struct audit_event *ev)
{
	if (ev->study && *ev->study) {
		object(w, ev->study, "2", "3"); /* a system object, a report */
		code(w, "ParticipantObjectIDTypeCode", "110180", "DCM", "Study Instance UID");
		if (ev->instances) {
			xmlTextWriterStartElement(w, X("ParticipantObjectDescription"));
			xmlTextWriterStartElement(w, X("SOPClass"));
			xmlTextWriterWriteFormatAttribute(w, X("NumberOfInstances"), "%llu",
							  (unsigned long long)ev->instances);
			xmlTextWriterEndElement(w);
			xmlTextWriterEndElement(w);
		}
		xmlTextWriterEndElement(w);
	}
	if (ev->patient_id && *ev->patient_id) {
		object(w, ev->patient_id, "1", "1"); /* a person, the patient */
		code(w, "ParticipantObjectIDTypeCode", "2", "RFC-3881", "Patient Number");
		xmlTextWriterEndElement(w);
	}
	if (ev->kind == AUDIT_QUERY && ev->what) {
		AUTO(str) base64 = g_base64_encode((const guchar *)ev->what, strlen(ev->what));

		object(w, "query", "2", "24"); /* a system object, a query */
		code(w, "ParticipantObjectIDTypeCode", "12", "RFC-3881", "URI");
		xmlTextWriterWriteElement(w, X("ParticipantObjectQuery"), X(base64));
		xmlTextWriterEndElement(w);
	}
}

int audit_message(const struct audit_event *ev, const char *node, int64_t wall_us, uint64_t repeated, struct buf *out,
		  struct err *e)
{
	xmlBuffer *text = xmlBufferCreate();
	xmlTextWriter *w = text ? xmlNewTextWriterMemory(text, 0) : NULL;
	int rc;

	if (!w) {
		xmlBufferFree(text);
		return err_set(e, E_NOMEM, "no memory for an audit message");
	}
	xmlTextWriterStartElement(w, X("AuditMessage"));
	identification(w, ev, wall_us, repeated);
	participants(w, ev, node);
	xmlTextWriterStartElement(w, X("AuditSourceIdentification"));
	attribute(w, "AuditSourceID", node);
	attribute(w, "code", "4"); /* an application server */
	xmlTextWriterEndElement(w);
	objects(w, ev);
	xmlTextWriterEndElement(w);
	xmlTextWriterFlush(w);
	xmlFreeTextWriter(w);
	rc = buf_put(out, xmlBufferContent(text), (size_t)xmlBufferLength(text), e);
	xmlBufferFree(text);
	return rc;
}

/* ---- reading */

static void take(const xmlNode *n, const char *name, char *out, size_t room)
{
	xmlChar *value = xmlGetProp(n, X(name));

	if (value)
		snprintf(out, room, "%s", (const char *)value);
	xmlFree(value);
}

static bool is(const xmlNode *n, const char *name)
{
	return n->type == XML_ELEMENT_NODE && strcmp((const char *)n->name, name) == 0;
}

static const xmlNode *child(const xmlNode *n, const char *name)
{
	for (const xmlNode *c = n->children; c; c = c->next)
		if (is(c, name))
			return c;
	return NULL;
}

static void code_of(const xmlNode *n, const char *name, char out[32])
{
	const xmlNode *c = child(n, name);

	out[0] = '\0';
	if (c)
		take(c, "csd-code", out, 32);
}

/* Two kinds share an event ID and have no type: who asked tells what was moved which way. */
static int kind_of(const xmlNode *event, enum audit_kind *out)
{
	char id[32], type[32], action[4] = "";

	code_of(event, "EventID", id);
	code_of(event, "EventTypeCode", type);
	take(event, "EventActionCode", action, sizeof action);
	for (int i = 0; i < AUDIT_KINDS; i++)
		if (strcmp(id, codes[i].id) == 0 && strcmp(type, codes[i].type ? codes[i].type : "") == 0 &&
		    action[0] == codes[i].action) {
			*out = (enum audit_kind)i;
			return 0;
		}
	return -E_INVAL;
}

static void read_event(const xmlNode *n, struct audit_said *out)
{
	const xmlNode *what = child(n, "EventOutcomeDescription");
	xmlChar *text = what ? xmlNodeGetContent(what) : NULL;
	char outcome[8] = "";

	take(n, "EventDateTime", out->time, sizeof out->time);
	take(n, "EventOutcomeIndicator", outcome, sizeof outcome);
	out->failed = strcmp(outcome, "0") != 0;
	if (text)
		snprintf(out->what, sizeof out->what, "%s", (const char *)text);
	xmlFree(text);
}

static void read_object(const xmlNode *n, struct audit_said *out)
{
	const xmlNode *d = child(n, "ParticipantObjectDescription");
	const xmlNode *class = d ? child(d, "SOPClass") : NULL;
	char type[32], count[24] = "";

	code_of(n, "ParticipantObjectIDTypeCode", type);
	if (strcmp(type, "110180") == 0)
		take(n, "ParticipantObjectID", out->study, sizeof out->study);
	else if (strcmp(type, "2") == 0)
		take(n, "ParticipantObjectID", out->patient_id, sizeof out->patient_id);
	if (class)
		take(class, "NumberOfInstances", count, sizeof count);
	if (*count)
		out->instances = strtoull(count, NULL, 10);
}

static void read_participant(const xmlNode *n, struct audit_said *out)
{
	char asks[8] = "";

	take(n, "UserIsRequestor", asks, sizeof asks);
	if (strcmp(asks, "true") != 0)
		return;
	take(n, "UserID", out->who, sizeof out->who);
	take(n, "AlternativeUserID", out->how, sizeof out->how);
	take(n, "NetworkAccessPointID", out->address, sizeof out->address);
}

int audit_read(const char *message, size_t n, struct audit_said *out, struct err *e)
{
	xmlDoc *doc = n <= CHAIN_TEXT_MOST ? xmlReadMemory(message, (int)n, NULL, NULL,
							   XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING)
					   : NULL;
	const xmlNode *root = doc ? xmlDocGetRootElement(doc) : NULL;
	const xmlNode *event = root && is(root, "AuditMessage") ? child(root, "EventIdentification") : NULL;
	int rc = 0;

	memset(out, 0, sizeof *out);
	if (!event || kind_of(event, &out->kind) < 0) {
		rc = err_set(e, E_INVAL, "no audit message of this program");
	} else {
		read_event(event, out);
		for (const xmlNode *c = root->children; c; c = c->next)
			if (is(c, "ActiveParticipant"))
				read_participant(c, out);
			else if (is(c, "ParticipantObjectIdentification"))
				read_object(c, out);
	}
	xmlFreeDoc(doc);
	return rc;
}
