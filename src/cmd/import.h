/* cmd/import.h - between the walk over folders and the workers of `teleread import`. */
#ifndef CMD_IMPORT_H
#define CMD_IMPORT_H

#include "cmd/import_file.h"

struct import;
int import_add(struct import *im, const char *path); /* copied; waits for room; -E_CANCEL: stop walking */
void import_tell(struct import *im, const char *path, enum import_outcome outcome, const char *reason);

/* Adds every file of the paths, folders in order of their names, DICOMDIRs by what they name. */
void import_walk(struct import *im, char **paths);
uint64_t import_count(char **paths); /* files below the paths, for the progress bar */
#endif
