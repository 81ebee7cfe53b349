libcore_a_SOURCES += %D%/web.h %D%/exchange.h %D%/accept.h %D%/url.h %D%/reply.h
libcore_a_SOURCES += %D%/transcoded.h %D%/transcoded.c
libcore_a_SOURCES += %D%/accept.c %D%/about.c %D%/exchange.c %D%/exchange_own.h %D%/exchange_audit.c %D%/exchange_body.c \
	%D%/gzip.h %D%/gzip.c %D%/handlers.h %D%/health.c %D%/login.c %D%/oidc.c %D%/body_json.h %D%/body_json.c %D%/json.h %D%/json.c %D%/proxy.h %D%/proxy.c %D%/reply.c \
	%D%/route.h %D%/route.c %D%/routes.c %D%/url.c %D%/web.c
libcore_a_SOURCES += %D%/qido.h %D%/qido.c %D%/qido_fields.c %D%/qido_keys.c
libcore_a_SOURCES += %D%/stow.c %D%/stow_bulk.h %D%/stow_bulk.c %D%/stow_file.c %D%/stow_log.c %D%/stow_model.c %D%/stow_own.h %D%/stow_reply.c
libcore_a_SOURCES += %D%/bin.c %D%/changes.h %D%/changes.c %D%/events.h %D%/events.c %D%/params.h %D%/params.c
libcore_a_SOURCES += %D%/metadata.h %D%/metadata.c %D%/telling.h %D%/telling.c
libcore_a_SOURCES += %D%/gallery.h %D%/gallery.c %D%/rendered.h %D%/rendered.c %D%/rendered_ask.c %D%/rendered_album.h %D%/rendered_album.c \
	%D%/rendered_state.h %D%/rendered_state.c
libcore_a_SOURCES += %D%/wado.h %D%/wado.c %D%/wado_bulk.h %D%/wado_bulk.c %D%/wado_bulkdata.c %D%/wado_choice.h \
	%D%/wado_choice.c %D%/wado_frames.c %D%/wado_metadata.h %D%/wado_metadata.c %D%/wado_metadata_kept.c %D%/wado_metadata_settled.c %D%/wado_parts.h \
	%D%/wado_parts.c %D%/wado_pixels.h %D%/wado_pixels.c %D%/wado_uri.c %D%/wado_view.h %D%/wado_view.c %D%/wado_zip.c \
	%D%/zip.h %D%/zip.c
