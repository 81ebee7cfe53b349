/* shim/frame.hpp - one frame of an image, decoded: samples as native pixel data has them. */
#ifndef SHIM_FRAME_HPP
#define SHIM_FRAME_HPP

#include "shim/internal.hpp"

class DcmDataset;

namespace shim
{
struct Frame {
	uint16_t rows = 0, columns = 0, samples = 1;
	uint16_t allocated = 0, stored = 0, high = 0; /* bits; allocated is 8, 16 or 32 */
	bool is_signed = false, planar = false;
	std::string photometric;
	std::vector<uint8_t>
	    bytes; /* of this machine's byte order, exactly one frame; YBR_FULL_422: two samples a pixel */
};
/* most: bytes of a frame. SHIM_ENOTAG: no pixel data, or no such frame (from 0). Number of Frames is corrected in ds. */
int decode_frame(DcmDataset &ds, const char *syntax, uint64_t frame, uint64_t most, Frame &out);
/* Can what encapsulates these pixels be given to DCMTK's decoders? They believe the headers of RLE segments. */
int check_encapsulated(DcmDataset &ds);
} // namespace shim
#endif
