#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "net/http_private.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct metric m_status[] = {
    METRIC(COUNTER, "teleread_http_requests_total", "status=\"none\"", "HTTP requests by class of the answer"),
    METRIC(COUNTER, "teleread_http_requests_total", "status=\"1xx\"", "HTTP requests by class of the answer"),
    METRIC(COUNTER, "teleread_http_requests_total", "status=\"2xx\"", "HTTP requests by class of the answer"),
    METRIC(COUNTER, "teleread_http_requests_total", "status=\"3xx\"", "HTTP requests by class of the answer"),
    METRIC(COUNTER, "teleread_http_requests_total", "status=\"4xx\"", "HTTP requests by class of the answer"),
    METRIC(COUNTER, "teleread_http_requests_total", "status=\"5xx\"", "HTTP requests by class of the answer"),
};
static struct metric m_in = METRIC(COUNTER, "teleread_http_received_bytes_total", "", "Bytes of request bodies");
static struct metric m_out = METRIC(COUNTER, "teleread_http_sent_bytes_total", "", "Bytes of answers' bodies");
static struct metric m_seconds = METRIC(SECONDS, "teleread_http_request_seconds", "",
					"From the head of a request to the "
					"end of its answer");

void http_count(int status)
{
	metric_add(&m_status[status >= 100 && status < 600 ? status / 100 : 0], 1);
}

/* ---- on the connection's thread */

/* The library does not touch the exchange any more. */
static void leave(struct http_request *r)
{
	struct http_conn *c = r->c;
	bool mine;

	pthread_mutex_lock(&c->lock);
	r->over = true;
	c->now = NULL;
	c->idle_us = clock_mono_us();
	c->fresh = true;
	c->head_us = c->pace_us = c->gone_us = 0;
	mine = !r->posted;
	if (!mine)
		http_post(r, TODO_OVER);
	pthread_mutex_unlock(&c->lock);
	if (mine)
		http_finish(r);
}

/* After some errors of its own the library forgets what it has told of. */
void http_forgotten(struct http_conn *c)
{
	struct http_request *r;

	pthread_mutex_lock(&c->lock);
	r = c->now;
	pthread_mutex_unlock(&c->lock);
	if (r)
		leave(r);
}

void *http_on_uri(void *arg, const char *uri, struct MHD_Connection *mhd)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct http_conn *c = info ? info->socket_context : NULL;
	struct http_request *r = c ? calloc(1, sizeof(*r)) : NULL;
	struct http *h = arg;
	const char *query;

	if (c)
		http_forgotten(c);
	if (!r || !uri || !(r->uri = strdup(uri))) {
		free(r);
		return NULL;
	}
	r->uri_at = uri;
	/* The library would split the query into a record for each argument, from the memory that the head needs. It has
	 * found the ? already, and reads behind it next. */
	if ((query = strchr(uri, '?')))
		((char *)(uintptr_t)query)[1] = '\0';
	r->c = c;
	r->mhd = mhd;
	r->begun_us = clock_mono_us();
	r->range.fd = -1;
	c->refs++;
	h->exchanges++;
	pthread_mutex_lock(&c->lock);
	c->now = r;
	pthread_mutex_unlock(&c->lock);
	return r;
}

void http_resume(struct http_request *r)
{
	if (!r->suspended || r->over)
		return;
	r->suspended = false;
	MHD_resume_connection(r->mhd);
}

/* The answer is made: the library gets it. */
static enum MHD_Result send_reply(struct http_request *r)
{
	return MHD_queue_response(r->mhd, (unsigned)r->status, r->reply);
}

/* Nothing to do on this thread now: waits, unless there is an answer or a body to go on with. */
static enum MHD_Result settle(struct http_request *r)
{
	enum MHD_Result rc = MHD_YES;
	bool send = false;

	pthread_mutex_lock(&r->c->lock);
	if (r->gone) { /* NOLINT(bugprone-branch-clone): the order matters */
		rc = MHD_NO;
	} else if (r->reply) {
		send = !r->queued;
		r->queued = true;
	} else if (r->receiving && !r->reading && !r->body_ended) {
		r->reading = true;
	} else if (r->c->h->cutting) {
		rc = MHD_NO;
	} else if (!r->suspended) {
		r->suspended = true;
		MHD_suspend_connection(r->mhd);
	}
	pthread_mutex_unlock(&r->c->lock);
	return send ? send_reply(r) : rc;
}

/* Answers here and now, without asking anybody; the connection ends. */
static enum MHD_Result refuse(struct http_request *r, int status, const char *why)
{
	if (!(r->reply = http_reply_refusal(status, why)))
		return MHD_NO;
	log_info("http: a request of %s refused with %d: %s", r->c->address, status, why);
	r->status = status;
	r->queued = true;
	return send_reply(r);
}

static enum MHD_Result begin(struct http_request *r)
{
	struct http *h = r->c->h;

	if (h->certificate && !r->c->looked)
		http_conn_certificate(r->c, r->mhd);
	if (r->c->forged)
		return refuse(r, 403, "the client certificate is not accepted");
	if (h->stopping)
		return refuse(r, 503, "the node is stopping");
	r->begun = true;
	if (h->o.begin(h->o.arg, r) == HTTP_WORK) {
		pthread_mutex_lock(&r->c->lock);
		http_post(r, TODO_WORK);
		pthread_mutex_unlock(&r->c->lock);
	}
	return settle(r);
}

/* The whole body is there. */
static enum MHD_Result end_of_body(struct http_request *r)
{
	pthread_mutex_lock(&r->c->lock);
	if (!r->body_ended) {
		r->body_ended = true;
		http_post(r, TODO_DIGEST);
	}
	pthread_mutex_unlock(&r->c->lock);
	return settle(r);
}

enum MHD_Result http_on_call(void *arg, struct MHD_Connection *mhd, const char *url, const char *method,
			     const char *version, const char *data, size_t *size, void **context)
{
	struct http_request *r = *context;
	const char *why = "";

	(void)arg;
	(void)mhd;
	(void)url;
	if (!r)
		return MHD_NO;
	if (*size) {
		enum MHD_Result rc = http_body_take(r, data, *size);

		*size = 0;
		return rc;
	}
	if (!r->seen) {
		int status = http_head_take(r, method, version, &why);

		r->seen = true;
		if (status)
			return refuse(r, status, why);
		if (r->length == 0)
			return MHD_YES; /* the second call, in which an answer does not end the connection, follows at once */
	}
	if (!r->begun)
		return begin(r);
	return r->reading ? end_of_body(r) : settle(r);
}

void http_on_over(void *arg, struct MHD_Connection *mhd, void **context, enum MHD_RequestTerminationCode why)
{
	struct http_request *r = *context;

	(void)arg;
	(void)mhd;
	if (!r)
		return;
	*context = NULL;
	r->outcome.complete = why == MHD_REQUEST_TERMINATED_COMPLETED_OK && r->queued;
	r->c->linger = !r->begun || (r->queued && !r->body_ended && r->length != 0);
	leave(r);
}

/* ---- the end of an exchange, on a worker unless none was ever needed */

static void tell(struct http_request *r)
{
	struct http *h = r->c->h;
	struct http_outcome *o = &r->outcome;

	o->status = r->queued ? r->status : 0;
	o->in = r->in;
	o->out = o->complete && r->promised > 0 && strcmp(r->method, "HEAD") != 0 ? (uint64_t)r->promised : r->out;
	o->us = clock_mono_us() - r->begun_us;
	if (r->begun) {
		metric_observe(&m_seconds, o->us);
		metric_add(&m_in, (int64_t)o->in);
		metric_add(&m_out, (int64_t)o->out);
		if (h->o.done)
			h->o.done(h->o.arg, r, o);
	}
	if (r->seen)
		http_count(o->status);
}

void http_finish(struct http_request *r)
{
	struct http *h = r->c->h;

	if (r->receiving && !r->sink_over)
		r->sink.end(r->sink_arg, false);
	if (r->sourced && r->source.close)
		r->source.close(r->source_arg);
	tell(r);
	if (r->reply)
		MHD_destroy_response(r->reply);
	if (r->range.fd >= 0)
		close(r->range.fd);
	for (unsigned i = 0; i < r->n_added; i++)
		free((char *)(uintptr_t)r->added[i].name); /* the value is behind it */
	http_buffer_give(h, &r->up);
	http_buffer_give(h, &r->eat);
	buf_cleanup(&r->piece);
	buf_cleanup(&r->raw);
	free(r->texts);
	free(r->fields);
	free(r->block);
	free(r->uri);
	http_conn_unref(r->c);
	free(r);
	if (atomic_fetch_sub(&h->exchanges, 1) == 1 && h->stopping) {
		pthread_mutex_lock(&h->lock);
		pthread_cond_broadcast(&h->none);
		pthread_mutex_unlock(&h->lock);
	}
}
