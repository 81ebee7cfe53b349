/* stowload - stores CT instances of 525 KB by STOW-RS over connections that stay open.
 *
 *   stowload HOST PORT CONNECTIONS EACH SEED [PER]
 *
 * Each connection sends EACH instances of a study of its own, PER of them in a request (default 1), and waits for the
 * answer before the next. Prints one line: instances, failures, rate, MB/s of data sets, latencies of requests, and this
 * program's own CPU. It shares no code with the product; whatever fails is said on standard error and ends the program.
 */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define ROOT "1.2.826.0.1.3680043.10.1530.9"
#define CT "1.2.840.10008.5.1.4.1.1.2"
#define SIDE 512
#define PIXELS (SIDE * SIDE * 2)
#define BOUNDARY "stowload-8f3c1e7a"
#define ANSWER (1u << 20)

static const char *host, *port;
static int connections, each, per = 1;
static unsigned seed;
static double *latencies; /* of every request, by connection */
static long failed;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void die(const char *what)
{
	fprintf(stderr, "stowload: %s: %s\n", what, errno ? strerror(errno) : "unexpected");
	exit(1);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- an instance: all before its pixels */

struct bytes {
	uint8_t at[2048];
	size_t n;
};

static void put(struct bytes *b, const void *data, size_t n)
{
	if (n > sizeof b->at - b->n)
		die("the head of an instance");
	memcpy(b->at + b->n, data, n);
	b->n += n;
}

static void put_number(struct bytes *b, uint32_t v, unsigned n)
{
	for (unsigned i = 0; i < n; i++, v >>= 8)
		put(b, &(uint8_t){(uint8_t)v}, 1);
}

static void put_head(struct bytes *b, uint32_t tag, const char *vr, uint32_t n)
{
	int wide = !strcmp(vr, "OB") || !strcmp(vr, "OW");

	put_number(b, tag >> 16, 2);
	put_number(b, tag & 0xFFFF, 2);
	put(b, vr, 2);
	if (wide)
		put_number(b, 0, 2);
	put_number(b, n, wide ? 4 : 2);
}

static void put_text(struct bytes *b, uint32_t tag, const char *vr, const char *text)
{
	size_t n = strlen(text);

	put_head(b, tag, vr, (uint32_t)(n + (n & 1)));
	put(b, text, n);
	if (n & 1)
		put(b, strcmp(vr, "UI") ? " " : "\0", 1);
}

static void put_short(struct bytes *b, uint32_t tag, uint32_t v)
{
	put_head(b, tag, "US", 2);
	put_number(b, v, 2);
}

static void instance(struct bytes *b, int connection, int n)
{
	char uid[96], study[64], series[80], patient[32], number[16];

	snprintf(study, sizeof study, ROOT ".%u.%d", seed, connection + 1);
	snprintf(series, sizeof series, "%s.1", study);
	snprintf(uid, sizeof uid, "%s.%d", series, n + 1);
	snprintf(patient, sizeof patient, "STOW%u-%d", seed, connection);
	snprintf(number, sizeof number, "%d", n + 1);
	b->n = 0;
	put(b, "Content-Type: application/dicom\r\n\r\n", 35);
	memset(b->at + b->n, 0, 128);
	b->n += 128;
	put(b, "DICM", 4);
	put_text(b, 0x00020002, "UI", CT);
	put_text(b, 0x00020003, "UI", uid);
	put_text(b, 0x00020010, "UI", "1.2.840.10008.1.2.1");
	put_text(b, 0x00080016, "UI", CT);
	put_text(b, 0x00080018, "UI", uid);
	put_text(b, 0x00080020, "DA", "20260110");
	put_text(b, 0x00080030, "TM", "101500");
	put_text(b, 0x00080050, "SH", patient);
	put_text(b, 0x00080060, "CS", "CT");
	put_text(b, 0x00100010, "PN", "Load^Stow");
	put_text(b, 0x00100020, "LO", patient);
	put_text(b, 0x0020000D, "UI", study);
	put_text(b, 0x0020000E, "UI", series);
	put_text(b, 0x00200013, "IS", number);
	put_short(b, 0x00280002, 1);
	put_text(b, 0x00280004, "CS", "MONOCHROME2");
	put_short(b, 0x00280010, SIDE);
	put_short(b, 0x00280011, SIDE);
	put_short(b, 0x00280100, 16);
	put_short(b, 0x00280101, 16);
	put_short(b, 0x00280102, 15);
	put_short(b, 0x00280103, 0);
	put_head(b, 0x7FE00010, "OW", PIXELS);
}

/* ---- a connection */

static int call(void)
{
	struct addrinfo wanted = {.ai_socktype = SOCK_STREAM}, *found;
	int fd = -1, one = 1;

	if (getaddrinfo(host, port, &wanted, &found) != 0)
		die(host);
	fd = socket(found->ai_family, SOCK_STREAM, 0);
	if (fd < 0 || connect(fd, found->ai_addr, found->ai_addrlen) < 0)
		die("connect");
	freeaddrinfo(found);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	return fd;
}

static void send_all(int fd, struct iovec *v, int n)
{
	while (n > 0) {
		ssize_t k = writev(fd, v, n);

		if (k < 0)
			die("send");
		for (; n > 0 && (size_t)k >= v->iov_len; n--)
			k -= (ssize_t)v++->iov_len;
		if (n > 0) {
			v->iov_base = (char *)v->iov_base + k;
			v->iov_len -= (size_t)k;
		}
	}
}

/* The status; the body is read and forgotten. */
static int answer(int fd, char *in)
{
	size_t n = 0, length = 0;
	char *end = NULL, *line;

	while (!end) {
		ssize_t k = read(fd, in + n, ANSWER - 1 - n);

		if (k <= 0)
			die("answer");
		n += (size_t)k;
		in[n] = 0;
		end = strstr(in, "\r\n\r\n");
	}
	for (line = in; line < end; line = strchr(line, '\n') + 1)
		if (!strncasecmp(line, "Content-Length:", 15))
			length = strtoul(line + 15, NULL, 10);
	for (length += (size_t)(end + 4 - in); n < length;) {
		ssize_t k = read(fd, in, length - n < ANSWER ? length - n : ANSWER);

		if (k <= 0)
			die("answer");
		n += (size_t)k;
	}
	return atoi(in + 9);
}

struct request {
	struct bytes *heads;
	struct iovec *v;
	uint8_t *pixels;
	char *in;
};

static int request(int fd, const struct request *r, int connection, int first, int n)
{
	static const char mark[] = "\r\n--" BOUNDARY "\r\n", last[] = "\r\n--" BOUNDARY "--\r\n";
	char head[512];
	size_t body = 0;
	int parts = 1;

	for (int i = 0; i < n; i++) {
		const char *before = i ? mark : mark + 2;

		instance(&r->heads[i], connection, first + i);
		r->v[parts++] = (struct iovec){(void *)(uintptr_t)before, strlen(before)};
		r->v[parts++] = (struct iovec){r->heads[i].at, r->heads[i].n};
		r->v[parts++] = (struct iovec){r->pixels, PIXELS};
	}
	r->v[parts++] = (struct iovec){(void *)(uintptr_t)last, strlen(last)};
	for (int i = 1; i < parts; i++)
		body += r->v[i].iov_len;
	r->v[0] = (struct iovec){
	    head,
	    (size_t)snprintf(head, sizeof head,
			     "POST /dicom-web/studies HTTP/1.1\r\nHost: %s:%s\r\nAccept: application/dicom+json\r\n"
			     "Content-Type: multipart/related; type=\"application/dicom\"; "
			     "boundary=" BOUNDARY "\r\nContent-Length: %zu\r\n\r\n",
			     host, port, body)};
	send_all(fd, r->v, parts);
	return answer(fd, r->in);
}

static void *run(void *arg)
{
	int connection = (int)(intptr_t)arg, fd = call(), done = 0, k = 0, wrong = 0;
	struct request r = {calloc((size_t)per, sizeof *r.heads), calloc((size_t)per * 3 + 2, sizeof *r.v),
			    malloc(PIXELS), malloc(ANSWER)};
	uint64_t x = seed * 2654435761u + (unsigned)connection + 1;

	if (!r.heads || !r.v || !r.pixels || !r.in)
		die("memory");
	for (size_t i = 0; i < PIXELS; i++, x ^= x << 13, x ^= x >> 7, x ^= x << 17)
		r.pixels[i] = i % 2 ? (uint8_t)(x & 3) : (uint8_t)x;
	while (done < each) {
		int n = each - done < per ? each - done : per;
		double from = now();

		if (request(fd, &r, connection, done, n) != 200)
			wrong += n;
		latencies[(size_t)connection * (size_t)each + (size_t)k++] = now() - from;
		done += n;
	}
	pthread_mutex_lock(&lock);
	failed += wrong;
	pthread_mutex_unlock(&lock);
	close(fd);
	free(r.heads);
	free(r.v);
	free(r.pixels);
	free(r.in);
	return NULL;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	pthread_t *threads;
	long n, requests;
	double from, seconds;

	if (argc < 6 || argc > 7 || (connections = atoi(argv[3])) < 1 || (each = atoi(argv[4])) < 1 ||
	    (argc == 7 && ((per = atoi(argv[6])) < 1 || per > 300))) {
		fprintf(stderr, "usage: stowload HOST PORT CONNECTIONS EACH SEED [PER]\n");
		return 2;
	}
	host = argv[1];
	port = argv[2];
	seed = (unsigned)strtoul(argv[5], NULL, 10);
	n = (long)connections * each;
	requests = (long)connections * ((each + per - 1) / per);
	threads = calloc((size_t)connections, sizeof *threads);
	latencies = calloc((size_t)n, sizeof *latencies);
	if (!threads || !latencies)
		die("memory");
	from = now();
	for (int i = 0; i < connections; i++)
		if ((errno = pthread_create(&threads[i], NULL, run, (void *)(intptr_t)i)) != 0)
			die("thread");
	for (int i = 0; i < connections; i++)
		pthread_join(threads[i], NULL);
	seconds = now() - from;
	qsort(latencies, (size_t)n, sizeof *latencies, by_size); /* unused places are 0 and come first */
	const double *l = latencies + (n - requests);
	printf("stow conn=%d per=%d n=%ld fail=%ld secs=%.3f inst/s=%.1f MB/s=%.1f p50ms=%.2f p99ms=%.2f maxms=%.2f "
	       "client_cpu_s=%.2f\n",
	       connections, per, n, failed, seconds, (double)n / seconds, (double)n * PIXELS / seconds / 1e6,
	       l[requests / 2] * 1e3, l[requests * 99 / 100] * 1e3, l[requests - 1] * 1e3,
	       (double)clock() / CLOCKS_PER_SEC);
	free(threads);
	free(latencies);
	return failed != 0;
}
