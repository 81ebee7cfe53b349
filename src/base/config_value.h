/* base/config_value.h - the kinds of settings: their spelling read, checked and written. For config.c alone. */
#ifndef BASE_CONFIG_VALUE_H
#define BASE_CONFIG_VALUE_H

#include "base/buf.h"

#define VALUE_NAME_MOST 32u /* of VALUE_NAME */
enum value_type {
	VALUE_STRING,   /* not empty */
	VALUE_AET,      /* AE title */
	VALUE_NAME,     /* of a group of settings */
	VALUE_ADDRESS,  /* IPv4 or IPv6 */
	VALUE_LEVEL,    /* of the log */
	VALUE_FORMAT,   /* of the log */
	VALUE_OFFSET,   /* from UTC: +0800, or local */
	VALUE_FUZZY,    /* when names are matched so */
	VALUE_LIST,     /* may be empty; what is in it a higher floor checks (config_check_list) */
	VALUE_OPTIONAL, /* text, or nothing */
	VALUE_REPORT,   /* of a storage commitment */
	VALUE_SANDBOX,  /* whether it may be missing */
	VALUE_BOOL,
	VALUE_INT,
	VALUE_SIZE, /* bytes, with K M G T */
	VALUE_TIME, /* milliseconds, with ms s min h */
};

struct value_range {
	enum value_type type;
	int64_t min, max; /* of the numbers */
};

/* Types up to VALUE_SANDBOX are kept as strings. */
static inline int value_is_text(enum value_type type)
{
	return type <= VALUE_SANDBOX;
}

int value_text(const struct value_range *r, const char *text);                 /* 0 when well-formed, or -E_CONFIG */
int value_number(const struct value_range *r, const char *text, int64_t *out); /* likewise; a bool is 0 or 1 */
/* Appends the shortest exact spelling. */
int value_spell(enum value_type type, int64_t n, struct buf *out, struct err *e);
/* Appends what is expected: "a size from 64K to 16M". */
int value_expected(const struct value_range *r, struct buf *out, struct err *e);

#endif
