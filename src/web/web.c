#include "web/web.h"
#include "base/log.h"
#include "net/server.h"
#include "web/events.h"
#include "web/exchange_own.h"
#include "web/gallery.h"

static struct http_options options(struct web *w, const struct config *c)
{
	return (struct http_options){
	    .listen = c->http_listen,
	    .port = (uint16_t)c->http_port,
	    .workers = (unsigned)c->http_workers,
	    .max_connections = (unsigned)c->http_max_connections,
	    .max_each = (unsigned)c->http_max_each,
	    .head_most = (size_t)c->http_head,
	    .head_ms = (uint32_t)c->http_head_ms,
	    .idle_ms = (uint32_t)c->http_idle_ms,
	    .certificate = c->http_certificate[0] ? c->http_certificate : NULL,
	    .key = c->http_key[0]           ? c->http_key
		   : c->http_certificate[0] ? c->http_certificate
					    : NULL,
	    .client_ca = c->http_client_ca[0] ? c->http_client_ca : NULL,
	    .begin = exchange_begin,
	    .work = exchange_work,
	    .done = exchange_done,
	    .arg = w,
	};
}

static int check_doors(const struct config *c, struct err *e)
{
	if (c->http_key[0] && !c->http_certificate[0])
		return err_set(e, E_CONFIG, "[http] tls_key without tls_certificate");
	if (c->http_client_ca[0] && !c->http_certificate[0])
		return err_set(e, E_CONFIG, "[http] tls_client_ca without tls_certificate");
	if (!c->http_certificate[0] && !server_loopback(c->http_listen) && !c->http_plain)
		return err_set(e, E_CONFIG,
			       "[http] listen = %s without TLS: set tls_certificate, or listen on 127.0.0.1 "
			       "behind a proxy, or set plain = true",
			       c->http_listen);
	return 0;
}

int web_check(const struct config *c, struct err *e)
{
	const struct http_options o = options(NULL, c);
	struct networks *trusted = NULL;
	int rc = check_doors(c, e);

	if (rc == 0 && (rc = networks_parse(c->http_trusted, &trusted, e)) == 0)
		networks_free(trusted);
	if (rc == 0 && (rc = http_check(&o, e)) < 0)
		err_prefix(e, "[http] TLS");
	return rc;
}

int web_start(const struct web_options *o, struct web **out, struct err *e)
{
	const struct config *c = o->settings(o->arg);
	struct web *w = calloc(1, sizeof *w);
	int rc;

	if (!w)
		return err_set(e, E_NOMEM, "no memory for the HTTP face");
	w->archive = o->archive;
	w->access = o->access;
	w->settings = o->settings;
	w->arg = o->arg;
	if ((rc = web_check(c, e)) == 0 && (rc = networks_parse(c->http_trusted, &w->trusted, e)) == 0 &&
	    (rc = route_tree_new(routes, &w->routes, e)) == 0 && (rc = events_open(w->archive, &w->events, e)) == 0) {
		const struct http_options h = options(w, c);

		rc = http_start(&h, &w->http, e);
	}
	if (rc == 0 && !c->http_certificate[0] && !server_loopback(c->http_listen))
		log_warn("HTTP on %s is not encrypted (http.plain): passwords and images can be read on the way",
			 c->http_listen);
	if (rc < 0) {
		web_stop(w, 0);
		return rc;
	}
	*out = w;
	return 0;
}

uint16_t web_port(const struct web *w)
{
	return http_port(w->http);
}

void web_stop(struct web *w, uint32_t grace_ms)
{
	if (!w)
		return;
	events_halt(w->events); /* listeners would stay for ever */
	if (w->http)
		http_stop(w->http, grace_ms);
	gallery_forget();
	events_close(w->events);
	route_tree_free(w->routes);
	networks_free(w->trusted);
	free(w);
}
