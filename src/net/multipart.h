/* net/multipart.h - reads a body of several parts as it arrives, in pieces of any size, without ever holding it.
 *
 * Parts are told of in order: begin with its headers, data in pieces, end. Nothing is sized by what the stream says:
 * memory is one head of a part, whatever the number of parts and their size.
 * Lines:    CRLF, as the standard has it. A body whose first boundary line ends with a bare LF is taken as one of bare
 *           LF throughout; then a CR before a boundary's LF belongs to the part. Head lines may end in either way.
 * Boundary: a line that only begins like the boundary is data; blanks may follow it. It is searched for, never counted:
 *           Content-Length of a part is handed on, and not believed here.
 * Around:   what stands before the first boundary and behind the last is passed over, up to MULTIPART_AROUND bytes each.
 * Errors:   -E_INVAL, -E_LIMIT, -E_UNSUP with a sentence, or what a callback returned (negative); it stays so from then on.
 *           Parts whose end was told of are whole; one that was begun only is not.
 * Threads:  one at a time for each reader.   Source: RFC 2046 5.1, RFC 2387, RFC 2045, DICOM PS3.18 8.6.1.2.
 */
#ifndef NET_MULTIPART_H
#define NET_MULTIPART_H

#include "base/auto.h"
#include "net/mime.h"
#include <stdbool.h>

#define MULTIPART_BOUNDARY 200u    /* RFC 2046 5.1.1 has 70; the DICOMweb client of Orthanc 1.10 sends 73 */
#define MULTIPART_HEAD (16u << 10) /* bytes of the head of one part */
#define MULTIPART_FIELDS 64u       /* lines of it */
#define MULTIPART_AROUND (64u << 10)
struct multipart_part { /* borrowed until the callback returns */
	bool typed;     /* it has a Content-Type; else type.type is "" */
	struct mime type;
	const char *location; /* Content-Location; "" without */
	const char *id;       /* Content-ID, without < and >; "" without */
	int64_t length;       /* Content-Length; -1 without */
	bool plain;           /* its bytes are as they are: no Content-Transfer-Encoding but 7bit, 8bit, binary */
};
struct multipart_ops {
	int (*begin)(void *arg, const struct multipart_part *part, struct err *e);
	int (*data)(void *arg, const uint8_t *data, size_t n, struct err *e);
	int (*end)(void *arg, struct err *e);
};
struct multipart;
/* boundary: as the Content-Type of the whole says it; -E_INVAL when it cannot be one. */
int multipart_new(const char *boundary, const struct multipart_ops *ops, void *arg, struct multipart **out,
		  struct err *e);
int multipart_feed(struct multipart *m, const void *data, size_t n, struct err *e);
/* The body is over: -E_INVAL when its closing boundary was not seen. */
int multipart_end(struct multipart *m, struct err *e);
void multipart_free(struct multipart *m);
static inline void multipart_cleanup(struct multipart **m)
{
	multipart_free(*m);
}
AUTO_TYPE(multipart, struct multipart *);
#endif
