/* dicom/model_tree.h - between the files that read models: a data set as a tree of jansson's, and values into bytes. */
#ifndef DICOM_MODEL_TREE_H
#define DICOM_MODEL_TREE_H

#include "dicom/model_read.h"
#include <jansson.h>

/* object: as PS3.18 annex F has it. foreign: its text is more than ASCII. */
int model_read_tree(const json_t *object, bool foreign, struct model_set *out, struct err *e);
/* Appends the value of an element, not padded. path: for the sentences. */
int model_put_values(const char *path, const char *vr, const json_t *values, struct buf *out, struct err *e);
int model_put_base64(const char *path, const char *text, size_t n, struct buf *out, struct err *e);
bool model_vr_known(const char *vr);
bool model_vr_bytes(const char *vr); /* given as InlineBinary: OB OD OF OL OV OW UN */
#endif
