/* shim/dataset.hpp - what the shim's file and data set parts share. */
#ifndef SHIM_DATASET_HPP
#define SHIM_DATASET_HPP

#include "shim/internal.hpp"

class OFCondition;

namespace shim
{
/* Is the outline of these bytes sound, shallow and complete? Asked before DCMTK reads them. syntax: as the file says.
 */
int look_over_file(const char *path, char (&syntax)[65]);
int look_over_memory(const void *data, size_t n, const char *syntax);

int from_condition(const OFCondition &cond, const char *what);
} // namespace shim
#endif
