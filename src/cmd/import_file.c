#include "cmd/import_file.h"
#include "dicom/dict.h"
#include "dicom/part10.h"
#include <errno.h>
#include <glib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE (256u << 10)
#define UID_DICOMDIR "1.2.840.10008.1.3.10"

const char *const import_names[IMPORT_OUTCOMES] = {"imported", "same", "quarantined", "refused", "skipped"};

static int outcome(struct import_result *out, enum import_outcome what, const char *reason)
{
	out->outcome = what;
	g_strlcpy(out->reason, reason, sizeof out->reason);
	return 0;
}

/* Fills the buffer unless the file ends. Negative: errno says why. */
static ssize_t read_full(int fd, uint8_t *buf, size_t room)
{
	size_t n = 0;

	while (n < room) {
		ssize_t k = read(fd, buf + n, room - n);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return -1;
		if (k == 0)
			break;
		n += (size_t)k;
	}
	return (ssize_t)n;
}

/* Is it the archive that failed, or this file? */
static bool archive_failed(int rc)
{
	switch (-rc) {
	case E_INVAL:
	case E_MISMATCH:
	case E_LIMIT:
	case E_UNSUP:
	case E_CONFLICT:
	case E_EXISTS:
	case E_DENIED:
		return false;
	default:
		return true;
	}
}

/* The rest of the file behind a head that was read already. Consumes in. */
static int feed(struct intake *in, int fd, uint8_t *piece, size_t n, size_t from, struct import_result *out,
		struct err *e)
{
	struct intake_result result = {0};
	ssize_t k;
	int rc = intake_write(in, piece + from, n - from, e);

	while (rc == 0 && n == PIECE) {
		if ((k = read_full(fd, piece, PIECE)) < 0) {
			intake_abort(in);
			return outcome(out, IMPORT_REFUSED, strerror(errno));
		}
		n = (size_t)k;
		rc = intake_write(in, piece, n, e);
	}
	if (rc < 0) {
		intake_abort(in);
		return rc;
	}
	if ((rc = intake_finish(in, &result, e)) < 0)
		return rc;
	return outcome(out,
		       result.outcome == INTAKE_STORED ? IMPORT_STORED
		       : result.outcome == INTAKE_SAME ? IMPORT_SAME
						       : IMPORT_QUARANTINED,
		       result.reason);
}

int import_file(struct archive *a, const struct intake_source *src, int fd, struct import_result *out, struct err *e)
{
	AUTO(buf) piece = BUF(PIECE);
	struct part10_meta meta;
	struct err why = {0};
	struct intake *in;
	struct stat st;
	ssize_t n;
	int64_t at;
	int rc;

	if ((rc = buf_reserve(&piece, PIECE, e)) < 0)
		return rc;
	if (fstat(fd, &st) < 0)
		return outcome(out, IMPORT_REFUSED, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return outcome(out, IMPORT_SKIPPED, "not a regular file");
	if ((n = read_full(fd, piece.data, PIECE)) < 0)
		return outcome(out, IMPORT_REFUSED, strerror(errno));
	if ((at = part10_read(piece.data, (size_t)n, &meta, &why)) < 0 || at > n)
		return outcome(out, IMPORT_SKIPPED, why.msg[0] ? why.msg : "not a DICOM file");
	if (strcmp(meta.sop_class, UID_DICOMDIR) == 0)
		return outcome(out, IMPORT_SKIPPED, "a DICOMDIR, which is not an instance");
	rc = intake_begin(a, src, meta.syntax, "", "", &in, &why);
	if (rc == 0)
		intake_hint(in, meta.sop_class, meta.sop_instance);
	if (rc == 0)
		rc = feed(in, fd, piece.data, (size_t)n, (size_t)at, out, &why);
	if (rc < 0 && !archive_failed(rc))
		return outcome(out, IMPORT_REFUSED, why.msg);
	if (rc < 0)
		*e = why;
	return rc;
}
