/* web/wado_parts.h - an answer's body made of parts, each bytes of an instance: multipart/related, or one part alone.
 *
 * Parts are made one after the other while the client takes them, so memory does not grow with their number or size, and
 * no thread is held by a slow reader. The boundary is random, of 128 bits, so that it does not occur within what it parts.
 * Each part says Content-Type (with transfer-syntax), Content-Length and Content-Location; nothing stands before the first
 * boundary. What is odd about a part is said in a Warning: of the answer where it is alone, else of the part.
 * Source:   PS3.18 8.6.1, RFC 2046 5.1, RFC 2387.   Threads: those of sources (net/http.h).
 */
#ifndef WEB_WADO_PARTS_H
#define WEB_WADO_PARTS_H

#include "archive/frames.h"
#include "web/exchange.h"
#include "web/wado_view.h"

enum part_from {
	PART_OTHER,
	PART_STORED,
	PART_DECODED,
	PART_MADE,
	PART_FROMS
}; /* frames are counted by where they come from */
struct part {
	const char *type;                /* media type; constant */
	char syntax[65];                 /* transfer-syntax of it; "" none */
	char location[320];              /* "" none */
	struct view view;                /* the part's own */
	struct frame_piece one, *pieces; /* NULL: one alone; else n of them, owned */
	size_t n;
	unsigned shift; /* begins at this bit of its first byte */
	uint64_t bits;  /* with shift: how many there are; else 0 */
	char *text;     /* bytes of its own instead of the view's, one.n of them; owned */
	enum part_from from;
	unsigned n_cuts; /* bytes of it that hold each resolution, the coarsest first */
	uint64_t cuts[APPENDIX_CUTS];
	char warning[160]; /* "" or what is odd about it */
};
void part_cleanup(struct part *p);
AUTO_TYPE(part, struct part);
uint64_t part_length(const struct part *p);
/* The whole Part 10 file of view, which becomes the part's own. */
void part_whole(struct part *p, struct view *view);

#define PARTS_BOUNDARY 33
int parts_boundary(char out[PARTS_BOUNDARY], struct err *e);

struct part_ops {
	int (*next)(void *arg, struct part *out, struct err *e); /* 1, 0 no more, negative */
	void (*close)(void *arg);                                /* once, in any case */
};
/* Answers in parts. type: of the first one. */
int parts_reply(struct exchange *x, int status, const char *type, const struct part_ops *ops, void *arg, struct err *e);
/* The first warning stays. */
void part_warn(struct part *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Instead of a part that cannot be given: {"error":"..."}, at the place of the other. */
int part_error(struct part *p, const struct err *why, struct err *e);
/* Answers with one part, alone (with ranges: status 206) or as a multipart of one. Consumes it. tag: its entity tag. One alone
 * that is ordered by resolution comes with Teleread-Resolutions, see teleread-http(7). */
int part_reply(struct exchange *x, struct part *p, bool multipart, const char *tag, struct err *e);
/* "/dicom-web" of the request's path, so that locations name this very node. */
void part_locate(struct exchange *x, struct part *p, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
#endif
