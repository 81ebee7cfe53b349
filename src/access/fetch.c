#include "access/fetch.h"

#include <curl/curl.h>
#include <pthread.h>
#include <string.h>

static void setup(void)
{
	curl_global_init(CURL_GLOBAL_DEFAULT);
}

static void setup_once(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, setup);
}

/* ---- where */

static bool this_machine(const char *host)
{
	return strcmp(host, "127.0.0.1") == 0 || strcmp(host, "[::1]") == 0 || strcmp(host, "localhost") == 0;
}

static bool url_allowed(CURLU *u, const char *url)
{
	char *scheme = NULL, *host = NULL, *user = NULL;
	bool ok = curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK &&
		  curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
		  curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
		  curl_url_get(u, CURLUPART_USER, &user, 0) != CURLUE_OK &&
		  (strcmp(scheme, "https") == 0 || (strcmp(scheme, "http") == 0 && this_machine(host)));

	curl_free(scheme);
	curl_free(host);
	curl_free(user);
	return ok;
}

int fetch_allowed(const char *url, struct err *e)
{
	CURLU *u;
	bool ok;

	setup_once();
	if (!(u = curl_url()))
		return err_set(e, E_NOMEM, "no memory for a URL");
	ok = url_allowed(u, url);
	curl_url_cleanup(u);
	return ok ? 0 : err_set(e, E_CONFIG, "%.120s: expected a URL of https, or of http to this machine", url);
}

int fetch_escape(const char *text, struct buf *out, struct err *e)
{
	char *escaped;
	int rc;

	setup_once();
	if (!(escaped = curl_easy_escape(NULL, text, (int)strlen(text))))
		return err_set(e, E_NOMEM, "no memory for a URL");
	rc = buf_str(out, escaped, e);
	curl_free(escaped);
	return rc;
}

/* ---- what */

static size_t take(char *data, size_t size, size_t n, void *arg)
{
	return buf_put(arg, data, size * n, NULL) == 0 ? size * n : 0;
}

static int stopped(void *arg, curl_off_t all, curl_off_t done, curl_off_t up_all, curl_off_t up)
{
	const _Atomic bool *stop = arg;

	(void)all;
	(void)done;
	(void)up_all;
	(void)up;
	return stop && atomic_load(stop);
}

static void options(CURL *c, const struct fetch *f, struct curl_slist *headers, struct buf *out)
{
	curl_easy_setopt(c, CURLOPT_URL, f->url);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "https,http"); /* http: fetch_allowed() */
	curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, FETCH_MS / 2);
	curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, FETCH_MS);
	curl_easy_setopt(c, CURLOPT_USERAGENT, "teleread");
	curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, out);
	curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, stopped);
	curl_easy_setopt(c, CURLOPT_XFERINFODATA, f->stop);
	curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
	if (f->ca_file && *f->ca_file)
		curl_easy_setopt(c, CURLOPT_CAINFO, f->ca_file);
	if (f->form)
		curl_easy_setopt(c, CURLOPT_POSTFIELDS, f->form);
	if (f->user) {
		curl_easy_setopt(c, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
		curl_easy_setopt(c, CURLOPT_USERNAME, f->user);
		curl_easy_setopt(c, CURLOPT_PASSWORD, f->password);
	}
}

static int outcome(CURL *c, CURLcode done, const struct fetch *f, struct err *e)
{
	long status = 0;

	if (done == CURLE_ABORTED_BY_CALLBACK)
		return err_set(e, E_CANCEL, "stopped");
	if (done == CURLE_WRITE_ERROR)
		return err_set(e, E_LIMIT, "%.100s: the answer is longer than %u bytes", f->url, FETCH_MOST);
	if (done != CURLE_OK)
		return err_set(e, E_IO, "%.100s: %s", f->url, curl_easy_strerror(done));
	curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
	return status == 200 ? 0 : err_set(e, E_IO, "%.100s: answered %ld", f->url, status);
}

int fetch_document(const struct fetch *f, struct buf *out, struct err *e)
{
	struct curl_slist *headers;
	CURL *c;
	int rc = fetch_allowed(f->url, e);

	if (rc < 0)
		return rc;
	c = curl_easy_init();
	headers = curl_slist_append(NULL, "Accept: application/json");
	if (c && headers) {
		*out = BUF(FETCH_MOST);
		options(c, f, headers, out);
		rc = outcome(c, curl_easy_perform(c), f, e);
	} else {
		rc = err_set(e, E_NOMEM, "no memory for a request");
	}
	curl_slist_free_all(headers);
	curl_easy_cleanup(c);
	return rc;
}
