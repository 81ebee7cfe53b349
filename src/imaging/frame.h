/* imaging/frame.h - one frame of a source (dicom/source.h), by the workers: its samples, or the frame in another compressed form.
 *
 * Work, memory and errors are those of that frame alone. A code stream goes from the source's file into the worker's input by the
 * kernel; samples stay in the result's memfd.
 * Samples come in the form that the data set of the source describes, so that who reads its metadata reads the frame: little
 * endian, in its Planar Configuration, YBR_FULL as YBR_FULL and YBR_FULL_422 with its chroma in pairs. What has no native
 * form (PS3.5 8.2: YBR_RCT, YBR_ICT, YBR_PARTIAL_420) comes as RGB, by pixel. result->pixels says what was given.
 * Errors:   -E_NOENT (no such frame, no integer pixel data), -E_LIMIT (a code stream of more than FRAME_STREAM_MOST bytes, a frame
 *           of more than FRAME_MOST), -E_CORRUPT, -E_UNSUP, those of worker_run(); the sentence names the frame.
 * Memory:   the caller cleans the result up.   Threads: any.
 */
#ifndef IMAGING_FRAME_H
#define IMAGING_FRAME_H

#include "dicom/source.h"
#include "imaging/worker.h"

#define FRAME_MOST (1ULL << 30)
#define FRAME_STREAM_MOST (1ULL << 30)
/* A worker's input with the frame's bytes, its fragments joined; frames of single bits begin at a byte. The descriptor is the
 * caller's. */
int frame_input(const struct image_source *src, uint64_t frame, struct err *e);
int frame_decode(const struct image_source *src, uint64_t frame, struct job_result *out, struct err *e);
/* to: a syntax without loss, or one that codec_can() encode with its defaults. Decoded and encoded again. */
int frame_encode(const struct image_source *src, uint64_t frame, const char *to, struct job_result *out, struct err *e);
#endif
