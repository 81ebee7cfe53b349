/* dicom/coerce_value.h - what a value of a VR may be, for the rules of coercion and what they make of a data set.
 *
 * Threads:  depends on arguments alone.   Source: DICOM PS3.5 6.2, table 6.2-1.
 */
#ifndef DICOM_COERCE_VALUE_H
#define DICOM_COERCE_VALUE_H

#include <stdbool.h>
#include <stddef.h>

bool coerce_value_kind(const char *vr);   /* a VR that rules may change */
bool coerce_value_prefix(const char *vr); /* one whose values may be put together */
/* One value, UTF-8, not padded; "" always fits. part: the beginning of one. When not, expected says what would. */
bool coerce_value_fits(const char *vr, const char *value, bool part, char *expected, size_t room);
/* Is a value, several parted by backslashes, no longer than its VR allows? */
bool coerce_value_length(const char *vr, const char *value, size_t n);

#endif
