#include "web/exchange_own.h"
#include "web/handlers.h"
#include "web/rendered.h"
#include "web/wado.h"
#include <string.h>

#define PICTURES "image/jpeg, image/png, image/webp"
#define JSON "application/json"
#define ROWS "application/dicom+json, application/json, multipart/related; type=\"application/dicom+xml\""
#define PICTURES "image/jpeg, image/png, image/webp"
#define STUDY "/dicom-web/studies/{study}"
#define SERIES STUDY "/series/{series}"
#define INSTANCE SERIES "/instances/{instance}"
#define OCTETS "multipart/related; type=\"application/octet-stream\""
#define INSTANCES "multipart/related; type=\"application/dicom\", " OCTETS ", application/zip, application/dicom+json"
#define METADATA "application/dicom+json, multipart/related; type=\"application/dicom+xml\""
#define PIXELS OCTETS ", application/octet-stream, image/jpeg, image/jls, image/jp2, image/jphc, image/dicom-rle"
#define CAPABILITIES "application/vnd.sun.wadl+xml, application/json"

const struct route routes[] = {
    {"GET", "/dicom-web/", about_capabilities, NULL, RIGHT_LOGIN, CAPABILITIES,
     "What this service can do (PS3.18 8.9)."},
    {"OPTIONS", "/dicom-web/", about_capabilities, NULL, RIGHT_LOGIN, CAPABILITIES,
     "What this service can do (PS3.18 8.9)."},

    {"GET", "/dicom-web/studies", qido_studies, NULL, RIGHT_SEE, ROWS, "Searches for studies (PS3.18 10.6)."},
    {"GET", "/dicom-web/studies/{study}/series", qido_series, NULL, RIGHT_SEE, ROWS,
     "Searches for the series of a study."},
    {"GET", "/dicom-web/studies/{study}/instances", qido_instances, NULL, RIGHT_SEE, ROWS,
     "Searches for the instances of a study."},
    {"GET", "/dicom-web/studies/{study}/series/{series}/instances", qido_instances, NULL, RIGHT_SEE, ROWS,
     "Searches for the instances of a series."},
    {"GET", "/dicom-web/series", qido_series, NULL, RIGHT_SEE, ROWS, "Searches for series of all studies."},
    {"GET", "/dicom-web/instances", qido_instances, NULL, RIGHT_SEE, ROWS, "Searches for instances of all studies."},
    {"POST", "/dicom-web/studies", stow_store, NULL, RIGHT_STORE, "application/dicom+json, application/dicom+xml",
     "Stores instances: files, or metadata and bulk data (PS3.18 10.5)."},
    {"POST", "/dicom-web/studies/{study}", stow_store, NULL, RIGHT_STORE,
     "application/dicom+json, application/dicom+xml", "Likewise, of one study only."},
    {"DELETE", "/dicom-web/studies/{study}", bin_delete, NULL, RIGHT_DELETE, JSON,
     "Puts a study into the bin; why=TEXT must say why. 409 while it is held or to be retained."},
    {"DELETE", "/dicom-web/studies/{study}/series/{series}", bin_delete, NULL, RIGHT_DELETE, JSON,
     "Likewise a series of it."},
    {"DELETE", "/dicom-web/studies/{study}/series/{series}/instances/{instance}", bin_delete, NULL, RIGHT_DELETE, JSON,
     "Likewise an instance of it."},

    {"GET", "/api/changes", changes_list, NULL, RIGHT_SEE, JSON,
     "What happened to instances of one site behind number since=N of a feed; site=CODE, limit=N, feed=ID."},
    {"GET", "/events", events_listen, NULL, RIGHT_SEE, "text/event-stream",
     "The same of all sites in scope, as it happens (server-sent events); goes on behind Last-Event-ID."},
    {"GET", "/api/bin", bin_list, NULL, RIGHT_DELETE, JSON, "Studies in the bin; limit=N, offset=N."},
    {"POST", "/api/bin/{study}/restore", bin_restore, NULL, RIGHT_DELETE, JSON, "Takes a study out of the bin again."},
    {"GET", "/dicom-web/studies/{study}/rendered", rendered_pictures, NULL, RIGHT_SEE, PICTURES,
     "Pictures of a study as people see them (PS3.18 10.4.1.1.3); several in parts."},
    {"GET", "/dicom-web/studies/{study}/series/{series}/rendered", rendered_pictures, NULL, RIGHT_SEE, PICTURES,
     "Pictures of a series as people see them (PS3.18 10.4.1.1.3); several in parts."},
    {"GET", "/dicom-web/studies/{study}/series/{series}/instances/{instance}/rendered", rendered_pictures, NULL,
     RIGHT_SEE, PICTURES, "Pictures of an instance as people see them (PS3.18 10.4.1.1.3); several in parts."},
    {"GET", "/dicom-web/studies/{study}/series/{series}/instances/{instance}/frames/{frames}/rendered",
     rendered_pictures, NULL, RIGHT_SEE, PICTURES,
     "Pictures of frames as people see them (PS3.18 10.4.1.1.3); several in parts."},
    {"GET", "/dicom-web/studies/{study}/thumbnail", rendered_thumbnail, NULL, RIGHT_SEE, PICTURES,
     "One small picture for a study (PS3.18 10.4.1.1.4)."},
    {"GET", "/dicom-web/studies/{study}/series/{series}/thumbnail", rendered_thumbnail, NULL, RIGHT_SEE, PICTURES,
     "One small picture for a series (PS3.18 10.4.1.1.4)."},
    {"GET", "/dicom-web/studies/{study}/series/{series}/instances/{instance}/thumbnail", rendered_thumbnail, NULL,
     RIGHT_SEE, PICTURES, "One small picture for an instance (PS3.18 10.4.1.1.4)."},
    {"GET", "/dicom-web/studies/{study}/series/{series}/instances/{instance}/frames/{frames}/thumbnail",
     rendered_thumbnail, NULL, RIGHT_SEE, PICTURES, "One small picture for frames (PS3.18 10.4.1.1.4)."},
    {"GET", STUDY, wado_retrieve, NULL, RIGHT_SEE, INSTANCES, "Retrieves a study."},
    {"GET", SERIES, wado_retrieve, NULL, RIGHT_SEE, INSTANCES, "Retrieves a series."},
    {"GET", INSTANCE, wado_retrieve, wado_retrieve_quick, RIGHT_SEE, "application/dicom, " INSTANCES,
     "Retrieves an instance."},
    {"GET", STUDY "/metadata", wado_metadata, NULL, RIGHT_SEE, METADATA, "Retrieves the metadata of a study."},
    {"GET", SERIES "/metadata", wado_metadata, NULL, RIGHT_SEE, METADATA, "Retrieves the metadata of a series."},
    {"GET", INSTANCE "/metadata", wado_metadata, NULL, RIGHT_SEE, METADATA, "Retrieves the metadata of an instance."},
    {"GET", INSTANCE "/frames/{frames}", wado_frames, wado_frames_quick, RIGHT_SEE, PIXELS,
     "Retrieves frames of an instance: numbers from 1, with commas between them. One alone takes Range, and says in "
     "Teleread-Resolutions how many bytes hold each resolution (teleread-http(7))."},
    {"GET", STUDY "/pixeldata", wado_pixeldata, NULL, RIGHT_SEE, PIXELS, "Retrieves the pixel data of a study."},
    {"GET", SERIES "/pixeldata", wado_pixeldata, NULL, RIGHT_SEE, PIXELS, "Retrieves the pixel data of a series."},
    {"GET", INSTANCE "/pixeldata", wado_pixeldata, NULL, RIGHT_SEE, PIXELS, "Retrieves the pixel data of an instance."},
    {"GET", STUDY "/bulkdata", wado_bulkdata_all, NULL, RIGHT_SEE, OCTETS, "Retrieves all bulk data of a study."},
    {"GET", SERIES "/bulkdata", wado_bulkdata_all, NULL, RIGHT_SEE, OCTETS, "Retrieves all bulk data of a series."},
    {"GET", INSTANCE "/bulkdata", wado_bulkdata_all, NULL, RIGHT_SEE, OCTETS,
     "Retrieves all bulk data of an instance."},
    {"GET", INSTANCE "/bulkdata/{path...}", wado_bulkdata, NULL, RIGHT_SEE, OCTETS ", application/octet-stream",
     "Retrieves one value of an instance: its tag, within sequences 00081140/0/00081150."},
    {"GET", "/wado", wado_uri, NULL, RIGHT_SEE, "application/dicom, image/jpeg, image/png, image/webp",
     "Retrieves an instance, or a picture of it, for viewers of the URI service (PS3.18 9)."},

    {"GET", "/api/", about_page, NULL, RIGHT_NOBODY, "text/html", "This list, for people."},
    {"GET", "/api/openapi.json", about_openapi, NULL, RIGHT_NOBODY, JSON, "This list as an OpenAPI document."},

    {"POST", "/api/login", login_in, NULL, RIGHT_NOBODY, JSON,
     "Log in: {\"name\", \"password\"}. Sets the session's cookie; csrf goes into the header X-CSRF-Token of changes."},
    {"POST", "/api/logout", login_out, NULL, RIGHT_LOGIN, "", "End the session."},
    {"GET", "/api/me", login_me, NULL, RIGHT_LOGIN, JSON, "Who asks: name, roles, sites, and the session's csrf."},
    {"POST", "/api/password", login_password, NULL, RIGHT_LOGIN, "",
     "Another password for oneself: {\"old\", \"new\"}. Ends one's other sessions."},
    {"POST", "/api/break-glass", login_glass, NULL, RIGHT_SEE, JSON,
     "Open one study of another site in an emergency: {\"study\", \"reason\"}. Readers only; raises an alert."},
    {"GET", "/api/break-glass", login_glasses, NULL, RIGHT_MANAGE, JSON,
     "Studies that were opened so, the latest first."},

    {"GET", "/api/oidc/login", oidc_leave, NULL, RIGHT_NOBODY, "", "Log in at the OpenID Connect provider."},
    {"GET", "/api/oidc/callback", oidc_return, NULL, RIGHT_NOBODY, "text/html",
     "Where the provider sends browsers back to."},

    {"GET", "/healthz", health_alive, health_alive_quick, RIGHT_NOBODY, "text/plain", "The process answers."},
    {"GET", "/readyz", health_ready, NULL, RIGHT_NOBODY, "text/plain", "The index answers, too; else 503."},
    {"GET", "/metrics", health_metrics, NULL, RIGHT_WATCH, "text/plain", "Counters in the text format of Prometheus."},
    {NULL, NULL, NULL, NULL, RIGHT_NOBODY, NULL, NULL},
};

/* What waits for the committer may keep half of the workers, what may wait for its turn to decode a third. */
static const struct {
	int (*handle)(struct exchange *x, struct err *e);
	enum http_share share;
	bool stored; /* decodes nothing where the client wants it as it is stored */
} waits[] = {
    {stow_store, HTTP_SHARE_HALF, false},          {bin_delete, HTTP_SHARE_HALF, false},
    {bin_restore, HTTP_SHARE_HALF, false},         {rendered_pictures, HTTP_SHARE_THIRD, false},
    {rendered_thumbnail, HTTP_SHARE_THIRD, false}, {wado_uri, HTTP_SHARE_THIRD, false},
    {wado_retrieve, HTTP_SHARE_THIRD, true},       {wado_frames, HTTP_SHARE_THIRD, true},
    {wado_pixeldata, HTTP_SHARE_THIRD, true},
};

enum http_share route_share(const struct route *r, const struct accept *a)
{
	bool as_stored = a->n > 0 && strcmp(a->list[0].syntax, "*") == 0; /* what it likes best */

	for (size_t i = 0; i < sizeof waits / sizeof *waits; i++)
		if (waits[i].handle == r->handle)
			return waits[i].stored && as_stored ? HTTP_SHARE_ALL : waits[i].share;
	return HTTP_SHARE_ALL;
}
