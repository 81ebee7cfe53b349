/* shim/frame.hpp - encapsulated pixel data, looked at before DCMTK's decoders are given it. */
#ifndef SHIM_FRAME_HPP
#define SHIM_FRAME_HPP

#include "shim/internal.hpp"

class DcmDataset;

namespace shim
{
/* Can what encapsulates these pixels be given to DCMTK's decoders? They believe the headers of RLE segments. */
int check_encapsulated(DcmDataset &ds);
} // namespace shim
#endif
