# Fuzz targets: fuzz_NAME.c with the entry point of libFuzzer, seeds below seeds/NAME. make check runs the seeds and
# fixed mutations of them through main.c. With CC=clang CXX=clang++ configure --with-fuzzer --enable-sanitize the same
# programs are fuzzers: tests/fuzz/fuzz_text NEW-CORPUS tests/fuzz/seeds/text
FUZZ_TARGETS = %D%/fuzz_config %D%/fuzz_text %D%/fuzz_scan %D%/fuzz_dset %D%/fuzz_part10 %D%/fuzz_charset %D%/fuzz_coerce %D%/fuzz_keys \
	%D%/fuzz_pdu %D%/fuzz_command %D%/fuzz_header %D%/fuzz_pack %D%/fuzz_dicomdir \
	%D%/fuzz_frames
FUZZ_TARGETS += %D%/fuzz_token
FUZZ_TARGETS += %D%/fuzz_multipart %D%/fuzz_model_read
FUZZ_SEEDS = %D%/seeds/coerce/big %D%/seeds/coerce/big-noted %D%/seeds/coerce/explicit %D%/seeds/coerce/explicit-noted \
	%D%/seeds/coerce/implicit %D%/seeds/coerce/implicit-noted %D%/seeds/coerce/undefined %D%/seeds/coerce/unknown \
	%D%/seeds/charset/gb18030 %D%/seeds/charset/gbk %D%/seeds/charset/ir13 %D%/seeds/charset/ir144 \
	%D%/seeds/charset/ir149 %D%/seeds/charset/ir58 %D%/seeds/charset/ir87 %D%/seeds/charset/katakana %D%/seeds/charset/label-of-many \
	%D%/seeds/charset/latin %D%/seeds/charset/none %D%/seeds/charset/own-label %D%/seeds/charset/utf8 \
	%D%/seeds/config/defaults %D%/seeds/config/escapes %D%/seeds/config/odd %D%/seeds/dset/be-to-be \
	%D%/seeds/dset/be-to-imp %D%/seeds/dset/be-to-le %D%/seeds/dset/gbk %D%/seeds/dset/group-length-sequence %D%/seeds/dset/imp-to-be \
	%D%/seeds/dset/imp-to-imp %D%/seeds/dset/imp-to-le %D%/seeds/dset/le-to-be %D%/seeds/dset/le-to-imp \
	%D%/seeds/dset/le-to-le %D%/seeds/dset/unknown %D%/seeds/part10/bare-big %D%/seeds/part10/bare-explicit \
	%D%/seeds/part10/bare-implicit %D%/seeds/part10/by-chance %D%/seeds/part10/file %D%/seeds/part10/implicit-meta \
	%D%/seeds/part10/no-dicm %D%/seeds/part10/no-preamble %D%/seeds/scan/big %D%/seeds/scan/cut \
	%D%/seeds/scan/deep %D%/seeds/scan/deflated %D%/seeds/scan/explicit %D%/seeds/scan/fragments \
	%D%/seeds/scan/implicit %D%/seeds/scan/strange %D%/seeds/scan/unknown %D%/seeds/text/gb18030 %D%/seeds/text/jp \
	%D%/seeds/text/marks %D%/seeds/text/names \
	%D%/seeds/command/cancel %D%/seeds/command/echo %D%/seeds/command/failed %D%/seeds/command/move \
	%D%/seeds/command/move-answer %D%/seeds/command/store %D%/seeds/command/store-from-move \
	%D%/seeds/dicomdir/bare %D%/seeds/dicomdir/big %D%/seeds/dicomdir/deflated %D%/seeds/dicomdir/element-over-item %D%/seeds/dicomdir/implicit \
	%D%/seeds/dicomdir/no-records %D%/seeds/dicomdir/out %D%/seeds/dicomdir/plain %D%/seeds/dicomdir/undefined \
	%D%/seeds/header/bare %D%/seeds/header/bare-implicit %D%/seeds/header/big %D%/seeds/header/cut \
	%D%/seeds/header/deflated %D%/seeds/header/encapsulated %D%/seeds/header/explicit %D%/seeds/header/implicit \
	%D%/seeds/header/label-of-items %D%/seeds/header/names-first %D%/seeds/header/no-uid %D%/seeds/pack/gap-void %D%/seeds/pack/huge %D%/seeds/pack/raw %D%/seeds/pack/single \
	%D%/seeds/pack/spoiled %D%/seeds/pack/two %D%/seeds/pack/wrong-digest %D%/seeds/pdu/data \
	%D%/seeds/pdu/data-skipped %D%/seeds/pdu/echo %D%/seeds/pdu/echo-cut %D%/seeds/pdu/http \
	%D%/seeds/pdu/identity-passcode %D%/seeds/pdu/identity-type %D%/seeds/pdu/interleaved %D%/seeds/pdu/raw %D%/seeds/pdu/request %D%/seeds/pdu/tls %D%/seeds/pdu/twice \
	%D%/seeds/pdu/two-pdvs %D%/seeds/pdu/unknown %D%/seeds/pdu/user-items \
	%D%/seeds/keys/empty %D%/seeds/keys/items %D%/seeds/keys/items-be %D%/seeds/keys/levels %D%/seeds/keys/moment \
	%D%/seeds/keys/names %D%/seeds/keys/private %D%/seeds/keys/ranges %D%/seeds/keys/send %D%/seeds/keys/send-uids \
	%D%/seeds/keys/uids %D%/seeds/keys/zone \
	%D%/seeds/frames/appendix-made %D%/seeds/frames/appendix-outside %D%/seeds/frames/appendix-raw %D%/seeds/frames/basic %D%/seeds/frames/basic-lies %D%/seeds/frames/bits %D%/seeds/frames/cut %D%/seeds/frames/extended \
	%D%/seeds/frames/float %D%/seeds/frames/fragments %D%/seeds/frames/half-colour %D%/seeds/frames/native %D%/seeds/frames/odd \
	%D%/seeds/frames/rle %D%/seeds/frames/starts %D%/seeds/frames/video
FUZZ_SEEDS += %D%/seeds/model_read/array %D%/seeds/model_read/bulk %D%/seeds/model_read/json %D%/seeds/model_read/xml
FUZZ_SEEDS += %D%/seeds/multipart/around %D%/seeds/multipart/bare %D%/seeds/multipart/cut %D%/seeds/multipart/two
FUZZ_TARGETS += %D%/fuzz_url %D%/fuzz_accept
FUZZ_SEEDS += %D%/seeds/url/frames %D%/seeds/url/keys %D%/seeds/url/text %D%/seeds/url/tricks %D%/seeds/accept/all %D%/seeds/accept/inner \
	%D%/seeds/accept/java %D%/seeds/accept/refused
FUZZ_TARGETS += %D%/fuzz_qido %D%/fuzz_model
FUZZ_SEEDS += %D%/seeds/qido/items %D%/seeds/qido/names %D%/seeds/qido/numbers %D%/seeds/qido/private %D%/seeds/qido/rules %D%/seeds/qido/uids
FUZZ_SEEDS += %D%/seeds/model/implicit %D%/seeds/model/json %D%/seeds/model/xml
FUZZ_TARGETS += %D%/fuzz_render
FUZZ_SEEDS += %D%/seeds/render/big %D%/seeds/render/bits %D%/seeds/render/deflated %D%/seeds/render/frames \
	%D%/seeds/render/grey %D%/seeds/render/groups %D%/seeds/render/half %D%/seeds/render/implicit %D%/seeds/render/jpeg-12 \
	%D%/seeds/render/jpeg-baseline %D%/seeds/render/jpeg-fragments %D%/seeds/render/jpeg-lossless %D%/seeds/render/jpeg-ls \
	%D%/seeds/render/jpeg-ls-rgb %D%/seeds/render/modality-lut %D%/seeds/render/mono1-window %D%/seeds/render/negative-slope \
	%D%/seeds/render/palette %D%/seeds/render/palette8 %D%/seeds/render/planes %D%/seeds/render/rgb %D%/seeds/render/rle \
	%D%/seeds/render/rle-rgb %D%/seeds/render/signed-crop %D%/seeds/render/voi-lut %D%/seeds/render/wide \
	%D%/seeds/render/ybr
FUZZ_TARGETS += %D%/fuzz_j2k %D%/fuzz_htj2k
FUZZ_SEEDS += %D%/seeds/j2k/grey %D%/seeds/j2k/layers %D%/seeds/j2k/styles %D%/seeds/j2k/tiles %D%/seeds/j2k/marks %D%/seeds/j2k/colours \
	%D%/seeds/j2k/loss %D%/seeds/j2k/parts %D%/seeds/j2k/plain %D%/seeds/j2k/boxes %D%/seeds/htj2k/grey %D%/seeds/htj2k/levels %D%/seeds/htj2k/tiles \
	%D%/seeds/htj2k/loss %D%/seeds/htj2k/colours %D%/seeds/htj2k/precincts %D%/seeds/j2k/ours %D%/seeds/htj2k/ours
FUZZ_TARGETS += %D%/fuzz_appendix
FUZZ_SEEDS += %D%/seeds/appendix/table %D%/seeds/appendix/recipe
FUZZ_TARGETS += %D%/fuzz_rle %D%/fuzz_jpeg %D%/fuzz_jpegls
FUZZ_SEEDS += %D%/seeds/rle/bits %D%/seeds/rle/cut %D%/seeds/rle/grey12 %D%/seeds/rle/grey8 %D%/seeds/rle/repeats %D%/seeds/rle/rgb %D%/seeds/rle/wide
FUZZ_SEEDS += %D%/seeds/jpeg/cut %D%/seeds/jpeg/grey12 %D%/seeds/jpeg/grey8 %D%/seeds/jpeg/lossless-rgb %D%/seeds/jpeg/lossless12 %D%/seeds/jpeg/lossless16 %D%/seeds/jpeg/lossless8 %D%/seeds/jpeg/progressive %D%/seeds/jpeg/restarts %D%/seeds/jpeg/rgb %D%/seeds/jpeg/subsampled
FUZZ_SEEDS += %D%/seeds/jpegls/by-pixel %D%/seeds/jpegls/cut %D%/seeds/jpegls/grey12 %D%/seeds/jpegls/grey16 %D%/seeds/jpegls/grey8 %D%/seeds/jpegls/near %D%/seeds/jpegls/near12 %D%/seeds/jpegls/planes %D%/seeds/jpegls/rgb
check_PROGRAMS += $(FUZZ_TARGETS)
EXTRA_DIST += $(FUZZ_SEEDS) %D%/main.c
if FUZZER
AM_CFLAGS += -fsanitize=fuzzer-no-link
AM_CXXFLAGS += -fsanitize=fuzzer-no-link
FUZZ_MAIN =
FUZZ_LINK = $(AM_LDFLAGS) -fsanitize=fuzzer
else
FUZZ_MAIN = %D%/main.c
FUZZ_LINK = $(AM_LDFLAGS)
TESTS += $(FUZZ_TARGETS)
endif
tests_fuzz_fuzz_config_SOURCES = %D%/fuzz_config.c $(FUZZ_MAIN)
tests_fuzz_fuzz_config_LINK = $(CXXLINK) $(FUZZ_LINK)
tests_fuzz_fuzz_text_SOURCES = %D%/fuzz_text.c $(FUZZ_MAIN)
tests_fuzz_fuzz_text_LINK = $(CXXLINK) $(FUZZ_LINK)
tests_fuzz_fuzz_scan_SOURCES = %D%/fuzz_scan.c %D%/fuzz.h $(FUZZ_MAIN)
tests_fuzz_fuzz_scan_LINK = $(CXXLINK) $(FUZZ_LINK)
tests_fuzz_fuzz_dset_SOURCES = %D%/fuzz_dset.c %D%/fuzz.h $(FUZZ_MAIN)
tests_fuzz_fuzz_dset_LINK = $(CXXLINK) $(FUZZ_LINK)
tests_fuzz_fuzz_part10_SOURCES = %D%/fuzz_part10.c %D%/fuzz.h $(FUZZ_MAIN)
tests_fuzz_fuzz_part10_LINK = $(CXXLINK) $(FUZZ_LINK)
tests_fuzz_fuzz_charset_SOURCES = %D%/fuzz_charset.c %D%/fuzz.h $(FUZZ_MAIN)
tests_fuzz_fuzz_charset_LINK = $(CXXLINK) $(FUZZ_LINK)
tests_fuzz_fuzz_pdu_SOURCES = %D%/fuzz_pdu.c %D%/fuzz.h tests/unit/shim_pair.h $(FUZZ_MAIN)
tests_fuzz_fuzz_pdu_LINK = $(CXXLINK) $(FUZZ_LINK)
tests_fuzz_fuzz_command_SOURCES = %D%/fuzz_command.c %D%/fuzz.h $(FUZZ_MAIN)
tests_fuzz_fuzz_command_LINK = $(CXXLINK) $(FUZZ_LINK)
tests_fuzz_fuzz_header_SOURCES = %D%/fuzz_header.c %D%/fuzz.h $(FUZZ_MAIN)
tests_fuzz_fuzz_header_LINK = $(CXXLINK) $(FUZZ_LINK)
tests_fuzz_fuzz_pack_SOURCES = %D%/fuzz_pack.c %D%/fuzz.h $(FUZZ_MAIN)
tests_fuzz_fuzz_pack_LINK = $(CXXLINK) $(FUZZ_LINK)
tests_fuzz_fuzz_dicomdir_SOURCES = %D%/fuzz_dicomdir.c %D%/fuzz.h $(FUZZ_MAIN)
tests_fuzz_fuzz_dicomdir_LINK = $(CXXLINK) $(FUZZ_LINK)
tests_fuzz_fuzz_coerce_SOURCES = %D%/fuzz_coerce.c %D%/fuzz.h $(FUZZ_MAIN)
tests_fuzz_fuzz_coerce_LINK = $(CXXLINK) $(FUZZ_LINK)
tests_fuzz_fuzz_keys_SOURCES = %D%/fuzz_keys.c %D%/fuzz.h $(query_help) $(FUZZ_MAIN)
tests_fuzz_fuzz_keys_LINK = $(CXXLINK) $(FUZZ_LINK)
tests_fuzz_fuzz_keys_LDADD = $(LDADD) $(CMOCKA_LIBS)
tests_fuzz_fuzz_frames_SOURCES = %D%/fuzz_frames.c %D%/fuzz.h $(FUZZ_MAIN)
tests_fuzz_fuzz_frames_LINK = $(CXXLINK) $(FUZZ_LINK)
tests_fuzz_fuzz_multipart_SOURCES = %D%/fuzz_multipart.c %D%/fuzz.h $(FUZZ_MAIN)
tests_fuzz_fuzz_multipart_LINK = $(CXXLINK) $(FUZZ_LINK)
tests_fuzz_fuzz_model_read_SOURCES = %D%/fuzz_model_read.c %D%/fuzz.h $(FUZZ_MAIN)
tests_fuzz_fuzz_model_read_LINK = $(CXXLINK) $(FUZZ_LINK)
tests_fuzz_fuzz_url_SOURCES = %D%/fuzz_url.c %D%/fuzz.h $(FUZZ_MAIN)
tests_fuzz_fuzz_url_LINK = $(CXXLINK) $(FUZZ_LINK)
tests_fuzz_fuzz_accept_SOURCES = %D%/fuzz_accept.c %D%/fuzz.h $(FUZZ_MAIN)
tests_fuzz_fuzz_accept_LINK = $(CXXLINK) $(FUZZ_LINK)
tests_fuzz_fuzz_qido_SOURCES = %D%/fuzz_qido.c %D%/fuzz.h $(query_help) $(FUZZ_MAIN)
tests_fuzz_fuzz_qido_LINK = $(CXXLINK) $(FUZZ_LINK)
tests_fuzz_fuzz_model_SOURCES = %D%/fuzz_model.c %D%/fuzz.h $(FUZZ_MAIN)
tests_fuzz_fuzz_model_LINK = $(CXXLINK) $(FUZZ_LINK)
tests_fuzz_fuzz_qido_LDADD = $(LDADD) $(CMOCKA_LIBS)
FUZZ_SEEDS += %D%/seeds/token/basic %D%/seeds/token/bearer %D%/seeds/token/bearer-jwt %D%/seeds/token/claims %D%/seeds/token/cookie %D%/seeds/token/fingerprint %D%/seeds/token/jwks %D%/seeds/token/jwks-odd %D%/seeds/token/jwt-es256 %D%/seeds/token/jwks-padded %D%/seeds/token/jwt-none %D%/seeds/token/jwt-padded %D%/seeds/token/jwt-rs256
tests_fuzz_fuzz_token_SOURCES = %D%/fuzz_token.c %D%/fuzz.h $(FUZZ_MAIN)
tests_fuzz_fuzz_token_LINK = $(CXXLINK) $(FUZZ_LINK)
tests_fuzz_fuzz_render_SOURCES = %D%/fuzz_render.c %D%/fuzz.h $(FUZZ_MAIN)
tests_fuzz_fuzz_render_LINK = $(CXXLINK) $(FUZZ_LINK)
tests_fuzz_fuzz_j2k_SOURCES = %D%/fuzz_j2k.c %D%/codestream.h %D%/fuzz.h $(FUZZ_MAIN)
tests_fuzz_fuzz_j2k_LINK = $(CXXLINK) $(FUZZ_LINK)
tests_fuzz_fuzz_htj2k_SOURCES = %D%/fuzz_htj2k.c %D%/codestream.h %D%/fuzz.h $(FUZZ_MAIN)
tests_fuzz_fuzz_htj2k_LINK = $(CXXLINK) $(FUZZ_LINK)
tests_fuzz_fuzz_appendix_SOURCES = %D%/fuzz_appendix.c %D%/fuzz.h $(FUZZ_MAIN)
tests_fuzz_fuzz_appendix_LINK = $(CXXLINK) $(FUZZ_LINK)
tests_fuzz_fuzz_rle_SOURCES = %D%/fuzz_rle.c %D%/fuzz.h %D%/samples.h $(FUZZ_MAIN)
tests_fuzz_fuzz_rle_LINK = $(CXXLINK) $(FUZZ_LINK)
tests_fuzz_fuzz_jpeg_SOURCES = %D%/fuzz_jpeg.c %D%/fuzz.h %D%/samples.h $(FUZZ_MAIN)
tests_fuzz_fuzz_jpeg_LINK = $(CXXLINK) $(FUZZ_LINK)
tests_fuzz_fuzz_jpegls_SOURCES = %D%/fuzz_jpegls.c %D%/fuzz.h %D%/samples.h $(FUZZ_MAIN)
tests_fuzz_fuzz_jpegls_LINK = $(CXXLINK) $(FUZZ_LINK)
