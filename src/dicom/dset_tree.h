/* dicom/dset_tree.h - the inside of a data set, between the files that build, write and print it. */
#ifndef DICOM_DSET_TREE_H
#define DICOM_DSET_TREE_H

#include "dicom/dset.h"

struct dset {
	struct elem *v; /* sorted by tag, but for the one being parsed */
	unsigned n, room;
	struct dset *up, *root; /* up: the data set whose sequence has this as an item */
	unsigned depth;
	bool unsorted;
	unsigned elements; /* root: elements and items of the whole tree */
	size_t bytes;      /* root: lengths of all values */
};

/* Reverses the bytes of each number in a value of this VR. */
void dset_swap(const char *vr, uint8_t *value, size_t n);

#endif
