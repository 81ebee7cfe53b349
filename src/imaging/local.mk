libcore_a_SOURCES += %D%/transcode.h %D%/transcode.c
libcore_a_SOURCES += %D%/picture.h %D%/picture.c
libcore_a_SOURCES += %D%/render.h %D%/render.c %D%/render_own.h %D%/render_job.c %D%/render_read.c %D%/render_lut.c %D%/render_grey.c
libcore_a_SOURCES += %D%/render_colour.c %D%/render_overlay.c %D%/render_softcopy.c %D%/render_size.c %D%/render_profile.c
libcore_a_SOURCES += %D%/codec.h %D%/codec_own.h %D%/codec.c %D%/codec_table.c %D%/codec_native.c %D%/codec_rle.c %D%/codec_jpegls.c
libcore_a_SOURCES += %D%/codec_jpeg.h %D%/codec_jpeg.c %D%/codec_jpeg_8.c
libcore_a_SOURCES += %D%/worker.h %D%/worker_own.h %D%/worker.c %D%/worker_jobs.c %D%/worker_main.c %D%/worker_faults.c \
	%D%/worker_process.h %D%/worker_process.c %D%/worker_pool.h %D%/worker_pool.c \
	%D%/worker_metrics.h %D%/worker_metrics.c %D%/worker_refused.h %D%/worker_refused.c %D%/sandbox.h %D%/sandbox.c
libcore_a_SOURCES += %D%/dataset.h %D%/dataset.c
libcore_a_SOURCES += %D%/frame.h %D%/frame.c %D%/conform.h %D%/conform.c
libcore_a_SOURCES += %D%/form.h %D%/form.c
libcore_a_SOURCES += %D%/outline.h %D%/outline.c %D%/edits.c %D%/samples.h %D%/samples.c %D%/sink.h %D%/sink.c
libcore_a_SOURCES += %D%/transcode_own.h %D%/transcode_head.c %D%/transcode_loss.c %D%/transcode_pixels.c %D%/transcode_proof.c %D%/rebuild.c
libcore_a_SOURCES += %D%/codec_j2k.c %D%/codec_htj2k.c %D%/j2k_own.h %D%/j2k_head.h %D%/j2k_head.c %D%/j2k_samples.h %D%/j2k_samples.c \
	%D%/j2k_parts.c
