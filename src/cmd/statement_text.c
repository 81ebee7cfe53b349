/* The conformance statement as Markdown. Facts come from the JSON alone; what stands here is how they are told. */
#include "cmd/statement.h"
#include <stdio.h>
#include <string.h>

static const json_t *facts_of(const json_t *facts, const char *name)
{
	return json_object_get(facts, name);
}

static const char *text(const json_t *o, const char *name)
{
	return json_string_value(json_object_get(o, name));
}

static long long number(const json_t *o, const char *name)
{
	return (long long)json_integer_value(json_object_get(o, name));
}

static const char *yes(const json_t *o, const char *name)
{
	return json_is_true(json_object_get(o, name)) ? "yes" : "no";
}

static void *first(const json_t *object)
{
	return json_object_iter((json_t *)(uintptr_t)object);
}

static void *next(const json_t *object, void *at)
{
	return json_object_iter_next((json_t *)(uintptr_t)object, at);
}

/* The name of a member and the member; NULL behind the last. */
static const char *name_at(void *at, const json_t **member)
{
	*member = at ? json_object_iter_value(at) : NULL;
	return at ? json_object_iter_key(at) : NULL;
}

/* ---- overview */

static void print_overview(const json_t *facts)
{
	const json_t *product = facts_of(facts, "product"), *class;
	size_t i, storage = 0;

	printf("# DICOM conformance statement: %s %s, AE %s\n\n", text(product, "name"), text(product, "version"),
	       text(facts_of(facts, "application_entity"), "title"));
	puts("## 1 Conformance statement overview\n\n"
	     "The node stores composite objects that peers send, answers queries, and sends what is asked for. It "
	     "keeps the bytes\n"
	     "of a data set as they came, in the transfer syntax they came in (level 2, full).\n\n"
	     "| network service | user of service (SCU) | provider of service (SCP) |\n|---|---|---|");
	for (i = 0; (class = json_array_get(facts_of(facts, "sop_classes"), i)); i++) {
		if (json_is_true(json_object_get(class, "storage")))
			storage++;
		else
			printf("| %s | %s | %s |\n", text(class, "name"), yes(class, "scu"), yes(class, "scp"));
	}
	printf("| Storage: %zu SOP classes, section 4.2.1 | yes | yes |\n\n", storage);
	puts("Files are read by `teleread import` and written by `teleread export`, with a DICOMDIR (section 5).\n");
}

static void print_introduction(void)
{
	puts("## 2 Introduction\n\n"
	     "This statement is printed by the program from the tables that the node decides by, for the configuration "
	     "of this node. Its\n"
	     "sections are those that DICOM PS3.2 asks for. Terms are those of the standard: application entity (AE), "
	     "service-object pair\n"
	     "(SOP), service class user and provider (SCU, SCP), presentation context, transfer syntax.\n\n"
	     "## 3 Implementation model\n\n"
	     "One application entity serves all classes. A peer is known by its AE title and its address, and belongs "
	     "to a site. What it\n"
	     "sends becomes its site's; what it asks for is answered from its site and the sites below. A C-STORE is "
	     "answered when the\n"
	     "object and its index rows are synced to disk. Objects that contradict what is stored (other content "
	     "under a known SOP\n"
	     "Instance UID; a study or series of another patient, site or study) are kept whole in quarantine and "
	     "answered with B000.\n"
	     "The same object again is answered with success and not kept twice.\n");
}

/* ---- networking */

static void print_classes(const json_t *facts)
{
	const json_t *class;
	size_t i;

	puts("## 4 Networking\n\n### 4.1 Application entity\n\nThis AE provides standard conformance to the SOP "
	     "classes below.\n\n"
	     "### 4.2 Specification\n\n#### 4.2.1 SOP classes\n\n"
	     "The last column names the set of transfer syntaxes, section 4.2.3, of which each is accepted.\n\n"
	     "| SOP class | UID | SCU | SCP | syntaxes |\n|---|---|---|---|---|");
	for (i = 0; (class = json_array_get(facts_of(facts, "sop_classes"), i)); i++)
		printf("| %s | %s | %s | %s | %lld |\n", text(class, "name"), text(class, "uid"), yes(class, "scu"),
		       yes(class, "scp"), number(class, "syntaxes") + 1);
	puts("\nStorage SOP classes that the standard may add below 1.2.840.10008.5.1.4.1.1 are accepted, too. Private "
	     "SOP classes and\n"
	     "transfer syntaxes are accepted from peers that were added with `--private`.\n");
}

static void print_policies(const json_t *facts)
{
	const json_t *ae = facts_of(facts, "application_entity"), *product = facts_of(facts, "product");

	printf(
	    "#### 4.2.2 Association policies\n\n"
	    "| parameter | value |\n|---|---|\n"
	    "| application context | 1.2.840.10008.3.1.1.1 |\n| AE title | %s |\n| called AE title is checked | %s |\n"
	    "| associations at one time | %lld |\n"
	    "| operations outstanding, where the caller asks for a window (with C-GET: 1) | %lld |\n"
	    "| maximum PDU received | %lld |\n| "
	    "maximum PDU sent | %lld |\n"
	    "| association request within | %lld ms |\n| idle association is aborted after | %lld ms |\n"
	    "| progress of a message within | %lld ms |\n| implementation class UID | %s |\n"
	    "| implementation version name | %s |\n\n",
	    text(ae, "title"), yes(ae, "called_title_checked"), number(ae, "max_associations"),
	    number(ae, "async_window"), number(ae, "max_pdu_receive"), number(ae, "max_pdu_send"),
	    number(ae, "artim_ms"), number(ae, "idle_ms"), number(ae, "message_ms"),
	    text(product, "implementation_class_uid"), text(product, "implementation_version_name"));
	puts("Associations are initiated for C-MOVE (C-STORE sub-operations, to peers with a host and port), for "
	     "reports of "
	     "storage\n"
	     "commitment, where the node proposes to be the SCP by role selection, and by `teleread peer echo`.\n"
	     "For each SOP class to be sent, contexts are proposed with each transfer syntax in which something of it "
	     "is stored, with\n"
	     "explicit and with implicit little endian. An object goes as it is stored where that is accepted; else it "
	     "is transcoded\n"
	     "where a row of this table allows it, without loss; else its sub-operation fails.\n\n"
	     "| stored in | sent in |\n|---|---|");
}

static void print_transcoding(const json_t *facts)
{
	const char *from;
	const json_t *names = facts_of(facts, "transfer_syntaxes"), *targets, *to;
	size_t i;

	for (void *at = first(facts_of(facts, "transcoding")); (from = name_at(at, &targets));
	     at = next(facts_of(facts, "transcoding"), at)) {
		printf("| %s |", text(names, from));
		for (i = 0; (to = json_array_get(targets, i)); i++)
			printf("%s %s", i ? "," : "", text(names, json_string_value(to)));
		puts(" |");
	}
	puts("");
}

static void print_contexts(const json_t *facts)
{
	const json_t *set, *uid, *class, *item;
	size_t i, k;

	puts("#### 4.2.3 Association acceptance\n\n"
	     "Callers that no peer entry names, by AE title and address, are rejected (permanent, calling AE title not "
	     "recognized). Of\n"
	     "the transfer syntaxes of a context for storage the first acceptable one is taken; for other services "
	     "explicit little\n"
	     "endian is preferred.");
	for (i = 0; (set = json_array_get(facts_of(facts, "syntax_sets"), i)); i++) {
		printf("\nSet %zu of transfer syntaxes:\n\n| transfer syntax | UID |\n|---|---|\n", i + 1);
		for (k = 0; (uid = json_array_get(set, k)); k++)
			printf("| %s | %s |\n", text(facts_of(facts, "transfer_syntaxes"), json_string_value(uid)),
			       json_string_value(uid));
	}
	puts("\nSOP class extended negotiation, where the caller asks for it:\n\n| SOP class | information | agreed "
	     "|\n|---|---|---|");
	for (i = 0; (class = json_array_get(facts_of(facts, "extended_negotiation"), i)); i++)
		for (k = 0; (item = json_array_get(json_object_get(class, "items"), k)); k++)
			printf("| %s | %zu: %s | %s |\n", text(class, "name"), k + 1, text(item, "name"),
			       yes(item, "agreed"));
	puts("\nSCP/SCU role selection is accepted for storage classes: the caller may be their SCP, for C-GET. "
	     "Of the syntaxes of such a context the first is accepted that nearly anything can be made in without "
	     "loss; one with "
	     "loss, where there is no other. Nothing is encoded with loss: what is stored so goes out as it is, or "
	     "decoded.\n");
}

static void print_statuses(const json_t *facts)
{
	const json_t *list, *status;
	const char *service;
	size_t i;

	puts("#### 4.2.4 Status codes\n\n| service | status | | meaning |\n|---|---|---|---|");
	for (void *at = first(facts_of(facts, "statuses")); (service = name_at(at, &list));
	     at = next(facts_of(facts, "statuses"), at))
		for (i = 0; (status = json_array_get(list, i)); i++)
			printf("| %s | %s | %s | %s |\n", service, text(status, "code"), text(status, "kind"),
			       text(status, "meaning"));
	puts("");
}

static void print_keys(const json_t *facts)
{
	const json_t *keys, *key;
	const char *level;
	size_t i;

	puts("#### 4.2.5 Query keys\n\n"
	     "An empty key matches everything and is answered. Type U: unique key of its level, O: optional key. "
	     "Levels of the Patient\n"
	     "Root model are PATIENT, STUDY, SERIES and IMAGE, those of the Study Root model STUDY, SERIES and IMAGE. "
	     "A key that is\n"
	     "not listed at its level is neither matched nor answered, and matches are then answered with FF01. "
	     "Retrieve AE Title is\n"
	     "always answered, Instance Availability when asked for. Any of several values in a key is enough; where "
	     "multiple value\n"
	     "matching is agreed on, and the attribute may have several, each is asked for.");
	for (void *at = first(facts_of(facts, "query_keys")); (level = name_at(at, &keys));
	     at = next(facts_of(facts, "query_keys"), at)) {
		printf("\nLevel %s:\n\n| attribute | tag | VR | type | matching |\n|---|---|---|---|---|\n", level);
		for (i = 0; (key = json_array_get(keys, i)); i++)
			printf("| %s%s | (%s) | %s | %s | %s |\n", text(key, "keyword"), text(key, "creator"),
			       text(key, "tag"), text(key, "vr"), text(key, "type"), text(key, "matching"));
	}
	puts("\nC-MOVE and C-GET take the unique keys of their level and those above; that of the level may be a list "
	     "of UIDs.\n");
}

/* ---- the rest */

static void print_commitment(void)
{
	puts("#### 4.2.6 Storage commitment\n\n"
	     "A request names instances of any storage SOP class. Each is verified by reading its bytes; the result "
	     "(N-EVENT-REPORT)\n"
	     "comes over the association that asked or over a new one, as the settings in section [commitment] say, "
	     "and is repeated\n"
	     "until it is answered. Failure reasons are those of PS3.3 C.14.1.1.\n");
}

static void print_coercion(const json_t *facts)
{
	const json_t *peers = facts_of(facts, "coercion"), *peer, *rule;
	size_t i, k;

	puts("#### 4.2.7 Coercion of attributes\n");
	if (json_array_size(peers) == 0) {
		puts("No attribute of any object is changed.\n");
		return;
	}
	puts("Attributes of what these peers send are changed as the table says. Previous values are noted in Original "
	     "Attributes\n"
	     "Sequence (0400,0561). Deflated transfer syntaxes are not accepted from them. UIDs are never changed.\n\n"
	     "| peer | status | rule | attribute | value |\n|---|---|---|---|---|");
	for (i = 0; (peer = json_array_get(peers, i)); i++)
		for (k = 0; (rule = json_array_get(json_object_get(peer, "rules"), k)); k++)
			printf("| %s | %s | %s | %s | %s |\n", text(peer, "peer"), text(peer, "status"),
			       text(rule, "rule"), text(rule, "attribute"), text(rule, "value"));
	puts("");
}

static void print_web(const json_t *facts)
{
	const json_t *service;
	size_t i;

	puts("### 4.4 Web services (PS3.18)\n\n"
	     "As origin server, in HTTP/1.1. JSON and XML are in UTF-8. Who asks is known by a session, a bearer token "
	     "or a "
	     "client\ncertificate.\n\n"
	     "| method | resource | media types | |\n|---|---|---|---|");
	for (i = 0; (service = json_array_get(facts_of(facts, "web_services"), i)); i++)
		printf("| %s | %s | %s | %s |\n", text(service, "method"), text(service, "resource"),
		       text(service, "media_types"), text(service, "says"));
	puts("");
}

static void print_security(const json_t *facts)
{
	const json_t *s = facts_of(facts, "security");

	puts("\n## 7 Security\n\n"
	     "Associations are accepted from registered peers only, by AE title and address range, and each sees its "
	     "own site and the sites\n"
	     "below. User identity negotiation is not supported. Digital signatures are kept as they are, since data "
	     "sets\n"
	     "are bit-preserving where no coercion applies; they are not verified.\n");
	if (json_is_true(facts_of(s, "dicom_tls")))
		printf("TLS by BCP 195 (1.2 with forward secrecy and authenticated encryption, 1.3) is spoken on port "
		       "%lld, and to "
		       "peers that ask\nfor it; certificates may be pinned to peers. Whether a peer may do without is "
		       "set for each.\n\n",
		       number(s, "dicom_tls_port"));
	else
		puts("TLS is not configured for associations; a peer may be called over TLS all the same.\n");
	printf("HTTP is served %s. Audit messages (PS3.15 A.5) are kept in a file that is chained by digests%s.\n\n",
	       json_is_true(facts_of(s, "http_tls")) ? "over TLS"
						     : "without TLS, for this machine or a proxy before it",
	       json_is_true(facts_of(s, "audit_syslog")) ? ", and sent as syslog over TLS (RFC 5425)" : "");
}

static void print_rest(const json_t *facts)
{
	const json_t *ae = facts_of(facts, "application_entity"), *set;
	size_t i;

	printf("### 4.3 Network interfaces\n\nTCP/IP, IPv4 and IPv6; the node listens on %s, port %lld.\n\n",
	       text(ae, "address"), number(ae, "port"));
	print_web(facts);
	puts("## 5 Media interchange\n\n"
	     "`teleread import` reads Part 10 files, bare data sets and DICOMDIRs; `teleread export` writes Part 10 "
	     "files with a DICOMDIR\n"
	     "of the general purpose profile, each object in the transfer syntax in which it is stored. Objects are "
	     "not changed.\n\n"
	     "## 6 Support of character sets\n\n"
	     "Queries are understood, and text is indexed, in these sets, alone or as extended by ISO 2022. Answers "
	     "are in the set of\n"
	     "the request where it holds them, else in ISO_IR 192; Specific Character Set is answered only where there "
	     "is text outside\n"
	     "ASCII. Text under a wrong label is recognised as UTF-8 or GB18030.\n\n"
	     "| Specific Character Set | with code extensions |\n|---|---|");
	for (i = 0; (set = json_array_get(facts_of(facts, "character_sets"), i)); i++)
		printf("| %s | %s |\n", text(set, "term"), text(set, "extended"));
	print_security(facts);
	puts("## 8 Annex: configuration\n\n```");
	fputs(json_string_value(facts_of(facts, "configuration")), stdout);
	puts("```");
}

void statement_print(const json_t *facts)
{
	print_overview(facts);
	print_introduction();
	print_classes(facts);
	print_policies(facts);
	print_transcoding(facts);
	print_contexts(facts);
	print_statuses(facts);
	print_keys(facts);
	print_commitment();
	print_coercion(facts);
	print_rest(facts);
}
