/* dicom/dict_table.h - the tables behind dict.h, between the file that reads them from the toolkit and those that ask.
 *
 * Memory:   filled once by dict_setup() and kept for the life of the program.
 */
#ifndef DICOM_DICT_TABLE_H
#define DICOM_DICT_TABLE_H

#include "dicom/dict.h"

struct dict_entry {
	uint32_t tag;
	char vr[3];
	bool many;
	const char *keyword;
};
struct uid_entry {
	const char *uid, *name;
};

extern struct dict_table {
	struct dict_entry *by_tag;      /* sorted */
	struct dict_entry **by_keyword; /* sorted by strcmp */
	size_t n;
} dict_table;

/* Storage classes of the toolkit and our own list, sorted by UID, each once. */
extern struct storage_table {
	struct uid_entry *v;
	size_t n;
} storage_table;

/* Storage classes newer than the toolkit, or left out by it. NULL uid at the end. */
extern const struct uid_entry storage_more[];

#endif
