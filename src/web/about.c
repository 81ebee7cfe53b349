#include "config.h"
#include "web/handlers.h"
#include "web/json.h"
#include "web/rendered.h"
#include "web/reply.h"
#include "web/wado.h"
#include <ctype.h>
#include <string.h>

#define TEXT_MOST (1u << 20)
#define BASE "/dicom-web"

static const char *const needs[RIGHTS] = {
    [RIGHT_NOBODY] = "nobody", [RIGHT_LOGIN] = "login", [RIGHT_SEE] = "see",     [RIGHT_STORE] = "store",
    [RIGHT_DELETE] = "delete", [RIGHT_WATCH] = "watch", [RIGHT_AUDIT] = "audit", [RIGHT_MANAGE] = "manage",
};

/* Calls each() for every piece of a list between ", ". */
static int each_type(const char *list, int (*each)(const char *type, struct buf *out, struct err *e), struct buf *out,
		     struct err *e)
{
	int rc = 0;

	while (rc == 0 && *list) {
		size_t n = strcspn(list, ",");
		char type[128];

		if (n < sizeof type) {
			memcpy(type, list, n);
			type[n] = '\0';
			rc = each(type, out, e);
		}
		list += n + strspn(list + n, ", ");
	}
	return rc;
}

static bool first_of_path(const struct route *r)
{
	for (const struct route *earlier = routes; earlier < r; earlier++)
		if (strcmp(earlier->path, r->path) == 0)
			return false;
	return true;
}

/* The next row of the same path, from r on; NULL: none. */
static const struct route *same_path(const struct route *r, const char *path)
{
	while (r->method && strcmp(r->path, path) != 0)
		r++;
	return r->method ? r : NULL;
}

/* A template as other documents write it: {bulk...} is {bulk}. */
static int put_template(struct buf *out, const char *path, struct err *e)
{
	const char *dots = strstr(path, "...}");
	int rc = buf_put(out, path, dots ? (size_t)(dots - path) : strlen(path), e);

	return rc == 0 && dots ? buf_byte(out, '}', e) : rc;
}

/* Calls each() for every name of a template. */
static int each_name(const char *path, int (*each)(const char *name, struct buf *out, struct err *e), struct buf *out,
		     struct err *e)
{
	int rc = 0;

	while (rc == 0 && (path = strchr(path, '{'))) {
		size_t n = strcspn(++path, ".}");
		char name[64];

		if (n < sizeof name) {
			memcpy(name, path, n);
			name[n] = '\0';
			rc = each(name, out, e);
		}
	}
	return rc;
}

/* ---- capabilities: WADL, and the same tree as JSON */

static bool of_dicom_web(const struct route *r)
{
	return strncmp(r->path, BASE "/", strlen(BASE "/")) == 0;
}

static int wadl_type(const char *type, struct buf *out, struct err *e)
{
	int rc = buf_str(out, "<representation mediaType=\"", e);

	return rc < 0 || (rc = markup_text(out, type, e)) < 0 ? rc : buf_str(out, "\"/>", e);
}

static int wadl_name(const char *name, struct buf *out, struct err *e)
{
	return buf_printf(out, e, "<param name=\"%s\" style=\"template\" required=\"true\"/>", name);
}

static int wadl_method(const struct route *r, struct buf *out, struct err *e)
{
	int rc =
	    buf_printf(out, e, "<method name=\"%s\" id=\"%s-%u\"><doc>", r->method, r->method, (unsigned)(r - routes));

	if (rc < 0 || (rc = markup_text(out, r->says, e)) < 0 || (rc = buf_str(out, "</doc><response>", e)) < 0 ||
	    (rc = each_type(r->produces, wadl_type, out, e)) < 0)
		return rc;
	return buf_str(out, "</response></method>", e);
}

static int wadl_resource(const struct route *r, struct buf *out, struct err *e)
{
	int rc = buf_str(out, "<resource path=\"", e);

	if (rc < 0 || (rc = put_template(out, r->path + strlen(BASE), e)) < 0 || (rc = buf_str(out, "\">", e)) < 0 ||
	    (rc = each_name(r->path, wadl_name, out, e)) < 0)
		return rc;
	for (const struct route *m = r; rc == 0 && (m = same_path(m, r->path)); m++)
		rc = wadl_method(m, out, e);
	return rc < 0 ? rc : buf_str(out, "</resource>\n", e);
}

static int wadl(struct buf *out, struct err *e)
{
	int rc =
	    buf_str(out,
		    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		    "<application xmlns=\"http://wadl.dev.java.net/2009/02\"><doc title=\"Teleread " PACKAGE_VERSION
		    "\"/>\n<resources base=\"" BASE "\">\n",
		    e);

	for (const struct route *r = routes; rc == 0 && r->method; r++)
		if (of_dicom_web(r) && first_of_path(r))
			rc = wadl_resource(r, out, e);
	return rc < 0 ? rc : buf_str(out, "</resources></application>\n", e);
}

static int json_type(const char *type, struct buf *out, struct err *e)
{
	int rc = out->data[out->len - 1] == '[' ? 0 : buf_byte(out, ',', e);

	return rc < 0 || (rc = buf_str(out, "{", e)) < 0 || (rc = json_member(out, "mediaType", type, e)) < 0
		   ? rc
		   : buf_byte(out, '}', e);
}

static int json_method(const struct route *r, bool first, struct buf *out, struct err *e)
{
	int rc = buf_str(out, first ? "{" : ",{", e);

	if (rc < 0 || (rc = json_member(out, "name", r->method, e)) < 0 ||
	    (rc = json_member(out, "doc", r->says, e)) < 0 || (rc = buf_str(out, ",\"representation\":[", e)) < 0 ||
	    (rc = each_type(r->produces, json_type, out, e)) < 0)
		return rc;
	return buf_str(out, "]}", e);
}

static int json_resource(const struct route *r, bool first, struct buf *out, struct err *e)
{
	int rc = buf_str(out, first ? "{\"path\":\"" : ",\n{\"path\":\"", e);

	if (rc < 0 || (rc = put_template(out, r->path + strlen(BASE), e)) < 0 ||
	    (rc = buf_str(out, "\",\"method\":[", e)) < 0)
		return rc;
	for (const struct route *m = r; rc == 0 && (m = same_path(m, r->path)); m++)
		rc = json_method(m, m == r, out, e);
	return rc < 0 ? rc : buf_str(out, "]}", e);
}

static int capabilities_json(struct buf *out, struct err *e)
{
	bool first = true;
	int rc = buf_str(out,
			 "{\"application\":{\"title\":\"Teleread " PACKAGE_VERSION "\",\"resources\":{\"base\":\"" BASE
			 "\",\"resource\":[\n",
			 e);

	for (const struct route *r = routes; rc == 0 && r->method; r++)
		if (of_dicom_web(r) && first_of_path(r)) {
			rc = json_resource(r, first, out, e);
			first = false;
		}
	return rc < 0 ? rc : buf_str(out, "\n]}}}\n", e);
}

int about_capabilities(struct exchange *x, struct err *e)
{
	static const struct offer offers[] = {
	    {.type = "application/vnd.sun.wadl+xml", .single = true},
	    {.type = "application/json", .single = true},
	    {.type = "application/dicom+json", .single = true},
	};
	AUTO(buf) text = BUF(TEXT_MOST);
	bool multipart;
	const struct offer *o = accept_choose(&x->accept, offers, 3, &multipart);
	int rc;

	if (!o)
		return reply_unacceptable(x, offers, 3, e);
	rc = o == offers ? wadl(&text, e) : capabilities_json(&text, e);
	return rc < 0 ? rc : reply_bytes(x, 200, o->type, text.data, text.len, e);
}

/* ---- OpenAPI */

static int api_type(const char *type, struct buf *out, struct err *e)
{
	int rc = out->data[out->len - 1] == '{' ? 0 : buf_byte(out, ',', e);

	return rc < 0 || (rc = json_text(out, type, e)) < 0 ? rc : buf_str(out, ":{}", e);
}

static int api_name(const char *name, struct buf *out, struct err *e)
{
	int rc = out->data[out->len - 1] == '[' ? 0 : buf_byte(out, ',', e);

	return rc < 0 || (rc = buf_str(out, "{", e)) < 0 || (rc = json_member(out, "name", name, e)) < 0
		   ? rc
		   : buf_str(out, ",\"in\":\"path\",\"required\":true,\"schema\":{\"type\":\"string\"}}", e);
}

#define ACCEPT "accept:string,transfer-syntax:string"
#define WADO                                                                                                           \
	"requestType:string,studyUID:string,seriesUID:string,objectUID:string,contentType:string,"                     \
	"transferSyntax:string,frameNumber:integer,rows:integer,columns:integer,region:string,windowCenter:number,"    \
	"windowWidth:number,imageQuality:integer,presentationUID:string,presentationSeriesUID:string"
#define SEARCH                                                                                                         \
	"limit:integer,offset:integer,includefield:string,fuzzymatching:boolean,emptyvaluematching:boolean,"           \
	"multiplevaluematching:boolean,accept:string"
#define PICTURE "annotation:string,quality:integer,viewport:string,window:string,iccprofile:string,overlays:string,"

/* Parameters of the query, each with the type of its value; "": none. What a search asks for goes by the attributes' names. */
static const char *asks(const struct route *r)
{
	static const struct {
		int (*handle)(struct exchange *x, struct err *e);
		const char *params;
	} table[] = {
	    {qido_studies, SEARCH},
	    {qido_series, SEARCH},
	    {qido_instances, SEARCH},
	    {stow_store, "site:string"},
	    {bin_delete, "why:string"},
	    {bin_restore, "why:string"},
	    {bin_list, "limit:integer,offset:integer"},
	    {changes_list, "since:integer,limit:integer,site:string,feed:string"},
	    {rendered_pictures, PICTURE "accept:string"},
	    {rendered_thumbnail, PICTURE "accept:string"},
	    {wado_retrieve, ACCEPT},
	    {wado_metadata, "accept:string"},
	    {wado_frames, ACCEPT},
	    {wado_pixeldata, ACCEPT},
	    {wado_bulkdata_all, ACCEPT},
	    {wado_bulkdata, ACCEPT},
	    {wado_uri, WADO},
	    {events_listen, "since:string"},
	    {oidc_return, "code:string,state:string,error:string"},
	};

	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		if (table[i].handle == r->handle)
			return table[i].params;
	return "";
}

/* Media types of the body that a handler reads; NULL: it reads none. */
static const char *takes(const struct route *r)
{
	if (r->handle == stow_store)
		return "multipart/related; type=\"application/dicom\", multipart/related; "
		       "type=\"application/dicom+json\", "
		       "multipart/related; type=\"application/dicom+xml\", application/dicom";
	return r->handle == login_in || r->handle == login_password || r->handle == login_glass ? "application/json"
												: NULL;
}

static int api_body(const struct route *r, struct buf *out, struct err *e)
{
	const char *types = takes(r);
	int rc;

	if (!types)
		return 0;
	if ((rc = buf_str(out, ",\"requestBody\":{\"required\":true,\"content\":{", e)) < 0 ||
	    (rc = each_type(types, api_type, out, e)) < 0)
		return rc;
	return buf_str(out, "}}", e);
}

static int api_param(const char *param, struct buf *out, struct err *e)
{
	const char *colon = strchr(param, ':');
	int rc = out->data[out->len - 1] == '[' ? 0 : buf_byte(out, ',', e);

	return rc < 0 ? rc
		      : buf_printf(out, e, "{\"name\":\"%.*s\",\"in\":\"query\",\"schema\":{\"type\":\"%s\"}}",
				   (int)(colon - param), param, colon + 1);
}

/* Headers of the question that are not everybody's. */
static int api_range(const struct route *r, struct buf *out, struct err *e)
{
	int rc;

	if (r->handle != wado_frames)
		return 0;
	rc = out->data[out->len - 1] == '[' ? 0 : buf_byte(out, ',', e);
	return rc < 0 ? rc : buf_str(out, "{\"name\":\"Range\",\"in\":\"header\",\"schema\":{\"type\":\"string\"}}", e);
}

/* And of the answer. */
static int api_headers(const struct route *r, struct buf *out, struct err *e)
{
	if (r->handle != wado_frames)
		return 0;
	return buf_str(
	    out,
	    "\"headers\":{\"Teleread-Resolutions\":{\"description\":\"of one frame alone: by how much its sides "
	    "are divided, and how many bytes hold that picture: 8;bytes=733, 1;bytes=32202\",\"schema\":"
	    "{\"type\":\"string\"}}},",
	    e);
}

static int api_method(const struct route *r, bool first, struct buf *out, struct err *e)
{
	int rc = first ? 0 : buf_byte(out, ',', e);

	if (rc == 0)
		rc = buf_byte(out, '"', e);
	for (const char *c = r->method; rc == 0 && *c; c++)
		rc = buf_byte(out, (uint8_t)tolower(*c), e);
	if (rc < 0 || (rc = buf_str(out, "\":{", e)) < 0 || (rc = json_member(out, "summary", r->says, e)) < 0 ||
	    (rc = json_member(out, "x-right", needs[r->right], e)) < 0 ||
	    (rc = buf_str(out, r->right == RIGHT_NOBODY ? ",\"security\":[],\"parameters\":[" : ",\"parameters\":[",
			  e)) < 0 ||
	    (rc = each_name(r->path, api_name, out, e)) < 0 || (rc = each_type(asks(r), api_param, out, e)) < 0 ||
	    (rc = api_range(r, out, e)) < 0 || (rc = buf_byte(out, ']', e)) < 0 || (rc = api_body(r, out, e)) < 0 ||
	    (rc = buf_str(out, ",\"responses\":{\"200\":{\"description\":\"done\",", e)) < 0 ||
	    (rc = api_headers(r, out, e)) < 0 || (rc = buf_str(out, "\"content\":{", e)) < 0 ||
	    (rc = each_type(r->produces, api_type, out, e)) < 0)
		return rc;
	return buf_str(out, "}},\"default\":{\"$ref\":\"#/components/responses/refused\"}}}", e);
}

static int api_path(const struct route *r, bool first, struct buf *out, struct err *e)
{
	int rc = buf_str(out, first ? "\"" : ",\n\"", e);

	if (rc < 0 || (rc = put_template(out, r->path, e)) < 0 || (rc = buf_str(out, "\":{", e)) < 0)
		return rc;
	for (const struct route *m = r; rc == 0 && (m = same_path(m, r->path)); m++)
		rc = api_method(m, m == r, out, e);
	return rc < 0 ? rc : buf_byte(out, '}', e);
}

int about_openapi(struct exchange *x, struct err *e)
{
	AUTO(buf) text = BUF(TEXT_MOST);
	int rc =
	    buf_str(&text,
		    "{\"openapi\":\"3.0.3\",\"info\":{\"title\":\"Teleread\",\"version\":\"" PACKAGE_VERSION "\"},\n"
		    "\"security\":[{\"token\":[]},{\"session\":[]}],\n\"paths\":{\n",
		    e);

	for (const struct route *r = routes; rc == 0 && r->method; r++)
		if (first_of_path(r))
			rc = api_path(r, r == routes, &text, e);
	if (rc == 0)
		rc = buf_str(
		    &text,
		    "},\n\"components\":{\"securitySchemes\":{\"token\":{\"type\":\"http\",\"scheme\":\"bearer\"},"
		    "\"session\":{\"type\":\"apiKey\",\"in\":\"cookie\",\"name\":\"teleread\"}},"
		    "\"responses\":{\"refused\":{\"description\":\"refused, or failed\",\"content\":{\"application/"
		    "json\":{\"schema\":{\"type\":\"object\",\"properties\":{\"error\":{\"type\":\"string\"}}}}}}}}}\n",
		    e);
	return rc < 0 ? rc : reply_bytes(x, 200, "application/json", text.data, text.len, e);
}

/* ---- for people */

static int page_param(const char *param, struct buf *out, struct err *e)
{
	return buf_printf(out, e, "<code>%.*s</code> ", (int)strcspn(param, ":"), param);
}

static int page_row(const struct route *r, struct buf *out, struct err *e)
{
	int rc = buf_printf(out, e, "<tr><td>%s</td><td><code>", r->method);

	if (rc < 0 || (rc = markup_text(out, r->path, e)) < 0 || (rc = buf_str(out, "</code></td><td>", e)) < 0 ||
	    (rc = markup_text(out, r->says, e)) < 0 || (rc = buf_str(out, "</td><td>", e)) < 0 ||
	    (rc = each_type(asks(r), page_param, out, e)) < 0 || (rc = buf_str(out, "</td><td>", e)) < 0 ||
	    (rc = markup_text(out, r->produces, e)) < 0)
		return rc;
	return buf_printf(out, e, "</td><td>%s</td></tr>\n",
			  r->right == RIGHT_NOBODY ? "open to all" : needs[r->right]);
}

int about_page(struct exchange *x, struct err *e)
{
	AUTO(buf) text = BUF(TEXT_MOST);
	int rc = buf_str(
	    &text,
	    "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Teleread</title>"
	    "<style>body{font-family:sans-serif}td{padding:2px 8px;vertical-align:top}</style></head><body>"
	    "<h1>Teleread " PACKAGE_VERSION "</h1>\n<p>The same list for programs: "
	    "<a href=\"/api/openapi.json\">openapi.json</a></p>\n<table>\n"
	    "<tr><th>Method</th><th>Path</th><th>What</th><th>Parameters</th><th>Gives</th><th>Right</th></tr>\n",
	    e);

	for (const struct route *r = routes; rc == 0 && r->method; r++)
		rc = page_row(r, &text, e);
	if (rc == 0)
		rc = buf_str(&text, "</table></body></html>\n", e);
	x->page = true;
	return rc < 0 ? rc : reply_bytes(x, 200, "text/html; charset=utf-8", text.data, text.len, e);
}
