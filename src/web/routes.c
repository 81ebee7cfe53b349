#include "web/handlers.h"

#define JSON "application/json"
#define CAPABILITIES "application/vnd.sun.wadl+xml, application/json"

const struct route routes[] = {
    {"GET", "/dicom-web/", about_capabilities, NULL, RIGHT_LOGIN, CAPABILITIES,
     "What this service can do (PS3.18 8.9)."},
    {"OPTIONS", "/dicom-web/", about_capabilities, NULL, RIGHT_LOGIN, CAPABILITIES,
     "What this service can do (PS3.18 8.9)."},

    {"GET", "/api/", about_page, NULL, RIGHT_NOBODY, "text/html", "This list, for people."},
    {"GET", "/api/openapi.json", about_openapi, NULL, RIGHT_NOBODY, JSON, "This list as an OpenAPI document."},

    {"GET", "/healthz", health_alive, health_alive_quick, RIGHT_NOBODY, "text/plain", "The process answers."},
    {"GET", "/readyz", health_ready, NULL, RIGHT_NOBODY, "text/plain", "The index answers, too; else 503."},
    {"GET", "/metrics", health_metrics, NULL, RIGHT_WATCH, "text/plain", "Counters in the text format of Prometheus."},
    {NULL, NULL, NULL, NULL, RIGHT_NOBODY, NULL, NULL},
};
