# black-box tests: a node of its own, driven by DCMTK's tools, Orthanc and a small client in Python; needs python3
SYSTEM_TESTS = \
	%D%/test_alerts.py \
	%D%/test_async.py \
	%D%/test_dicom_tls.py \
	%D%/test_audit.py \
	%D%/test_audit_web.py \
	%D%/test_backup.py \
	%D%/test_charset.py \
	%D%/test_cli.py \
	%D%/test_codec_j2k.py %D%/test_codec_truth.py \
	%D%/test_coerce.py \
	%D%/test_commitment.py \
	%D%/test_conversation.py \
	%D%/test_corpus.py \
	%D%/test_cornerstone.py \
	%D%/test_destinations.py \
	%D%/test_dicomweb_client.py \
	%D%/test_find_rules.py \
	%D%/test_frames.py \
	%D%/test_frames_hostile.py \
	%D%/test_frames_settled.py \
	%D%/test_full_disk.py \
	%D%/test_gigapixel.py \
	%D%/test_hostile.py \
	%D%/test_hostile_mutations.py \
	%D%/test_http_hostile.py \
	%D%/test_interop.py \
	%D%/test_kept.py \
	%D%/test_kill.py \
	%D%/test_lenient.py \
	%D%/test_limits.py \
	%D%/test_login.py \
	%D%/test_memory.py \
	%D%/test_names.py \
	%D%/test_nginx.py \
	%D%/test_ohif.py \
	%D%/test_orthanc.py \
	%D%/test_orthanc_web.py \
	%D%/test_pictures_hostile.py \
	%D%/test_render_truth.py \
	%D%/test_rendered.py \
	%D%/test_progressive.py \
	%D%/test_qido.py \
	%D%/test_same_again.py \
	%D%/test_settle.py \
	%D%/test_settle_store.py \
	%D%/test_slide_viewer.py \
	%D%/test_scope.py \
	%D%/test_statement.py \
	%D%/test_stow.py \
	%D%/test_store_find_get.py \
	%D%/test_transcode.py \
	%D%/test_unit.py \
	%D%/test_wado.py \
	%D%/test_wado_corpus.py \
	%D%/test_wado_memory.py \
	%D%/test_web_core.py \
	%D%/test_worker.py \
	%D%/test_web_parts.py \
	%D%/test_web_feed.py
dist_check_SCRIPTS += $(SYSTEM_TESTS)
TESTS += $(SYSTEM_TESTS)
EXTRA_DIST += %D%/bombs.py %D%/clients.py %D%/corpus-refused.tsv %D%/dul.py %D%/front.py %D%/hostile.py %D%/lenient-differs.tsv %D%/lenient.py %D%/lib.py %D%/load.py %D%/objects.py %D%/oidc.py %D%/orthanc.py %D%/parts.py
# viewers and libraries of npm, which those tests install into the build folder
EXTRA_DIST += tests/clients/package.json tests/clients/package-lock.json tests/clients/browser.mjs tests/clients/build.mjs \
	tests/clients/cornerstone.html tests/clients/cornerstone.mjs tests/clients/cornerstone.page.js \
	tests/clients/dicomweb-client.mjs tests/clients/empty.js tests/clients/ohif.mjs \
	tests/clients/slide.html tests/clients/slide.mjs tests/clients/slide.page.js
CHECK_TOOLS += %D%/frame_tool
tests_system_frame_tool_LINK = $(CXXLINK)
CHECK_TOOLS += tests/system/picture_compare
tests_system_picture_compare_SOURCES = %D%/picture_compare.c
tests_system_picture_compare_LDADD = $(PICTURE_LIBS)
