/* dicom/model_format.h - the inside of dicom/model*.c: what a format is, and the writer between them.
 *
 * model.c follows the data set, model_value.c takes values apart, a struct model_ops writes them down. An attribute is
 * open(), then at most one of: values() ... values(end) around values, bytes(), bulk(); then close().
 */
#ifndef DICOM_MODEL_FORMAT_H
#define DICOM_MODEL_FORMAT_H

#include "dicom/model.h"
#include <libxml/xmlwriter.h>

struct model_ops {
	int (*begin)(struct model_writer *w, struct err *e); /* the document */
	int (*end)(struct model_writer *w, struct err *e);
	int (*open)(struct model_writer *w, uint32_t tag, const char *vr, struct err *e);
	int (*close)(struct model_writer *w, struct err *e);
	int (*values)(struct model_writer *w, bool begin, struct err *e);
	/* Value number n, from 1. */
	int (*text)(struct model_writer *w, unsigned n, const char *s, size_t len, struct err *e);
	int (*name)(struct model_writer *w, unsigned n, const char *s, size_t len, struct err *e);
	/* s is a number as JSON writes it; exact: readers that know only doubles keep it. */
	int (*number)(struct model_writer *w, unsigned n, const char *s, bool exact, struct err *e);
	int (*real)(struct model_writer *w, unsigned n, double v, bool single, struct err *e);
	int (*none)(struct model_writer *w, unsigned n, struct err *e); /* empty, among others */
	int (*item)(struct model_writer *w, unsigned n, bool begin, struct err *e);
	int (*bytes)(struct model_writer *w, const uint8_t *p, size_t len, struct err *e);
	int (*bulk)(struct model_writer *w, const char *uri, struct err *e);
};
extern const struct model_ops model_json, model_xml;

struct model_level {
	uint32_t tag;              /* announced last */
	unsigned items;            /* of the sequence that is open here */
	bool sequence;             /* one is open */
	char label[CHARSET_LABEL]; /* of an item that names its own */
	const char *charset;       /* that text is decoded by */
};
struct model_writer {
	struct model_options o;
	const struct model_ops *ops;
	struct buf *out;
	struct scan *scan; /* NULL for a data set in memory */
	struct model_level levels[SCAN_DEPTH + 1];
	unsigned depth;           /* of the data set or item that is open */
	bool muted, ended;        /* within a sequence that is left out; see model.c */
	unsigned muted_at;        /* its depth */
	bool implicit, is_signed; /* Pixel Representation (PS3.5 A.1: it tells US from SS) */
	struct buf text, swapped, uri;
	bool comma;           /* JSON */
	xmlTextWriterPtr xml; /* XML */
	int full;             /* XML: the output did not fit; then nothing more goes out */
	struct buf creators;  /* XML: struct model_creator, of the levels that are open */
};

/* All values of an element; len > 0, little endian. */
int model_value(struct model_writer *w, uint32_t tag, const char *vr, const uint8_t *value, size_t len, struct err *e);
/* XML says whose a private element is, so it notes the creators of the levels that are open. s is UTF-8. */
int model_creator_note(struct model_writer *w, uint32_t tag, const char *s, size_t len, struct err *e);
void model_creators_forget(struct model_writer *w, unsigned depth); /* those of this level and deeper ones */
/* The shortest text that reads back as the same number. */
#define MODEL_REAL 40
const char *model_real_text(char out[MODEL_REAL], double v, bool single);
#endif
