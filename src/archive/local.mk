libcore_a_SOURCES += %D%/archive.h %D%/backup.h %D%/backup_file.h %D%/backup_mend.h %D%/backup_target.h %D%/blob.h %D%/check.h \
	%D%/commitment.h %D%/index.h %D%/intake.h %D%/pack.h %D%/packer.h %D%/query.h \
	%D%/registry.h %D%/scope.h %D%/store.h
libcore_a_SOURCES += %D%/archive.c %D%/backup.c %D%/backup_file.c %D%/backup_mend.c %D%/backup_target.c %D%/backup_trail.c %D%/backup_trail.h %D%/blob_faulty.c %D%/blob_fs.c %D%/commit.c \
	%D%/commitment.c %D%/commitment_verify.c %D%/event.c %D%/event.h %D%/event_rows.c %D%/event_rows.h %D%/fsck.c %D%/intake.c %D%/kept.c %D%/kept.h %D%/kept_says.c %D%/pack.c \
	%D%/packer.c %D%/records.c %D%/recover.c %D%/reindex.c
libcore_a_SOURCES += %D%/attr.c %D%/attr.h %D%/attr_extra.c %D%/attr_extra.h %D%/fuzzy.c %D%/fuzzy.h %D%/index_refresh.c %D%/index_refresh.h %D%/index_sql.h \
	%D%/refresh.c %D%/refresh.h %D%/index.c \
	%D%/index_head.c %D%/index_internal.h %D%/index_sequence.c %D%/match.c %D%/match.h \
	%D%/match_name.c %D%/match_name.h %D%/plan_internal.h %D%/plan_name.c \
	%D%/query.c %D%/query_plan.c %D%/query_plan.h %D%/registry.c %D%/scope.c %D%/select.c %D%/match_internal.h %D%/match_sequence.c %D%/match_time.c %D%/when.c %D%/when.h
libcore_a_SOURCES += %D%/query_keys.h %D%/query_keys.c
libcore_a_SOURCES += %D%/presence.h %D%/presence.c
libcore_a_SOURCES += %D%/scratch.h %D%/scratch.c
libcore_a_SOURCES += %D%/change.h %D%/change.c %D%/change_write.h
libcore_a_SOURCES += %D%/frames.h %D%/frames.c %D%/frames_cache.h %D%/frames_items.c %D%/frames_appendix.c %D%/frames_read.c %D%/frames_read.h %D%/frames_source.c
libcore_a_SOURCES += %D%/lookup.h %D%/lookup.c %D%/lookup_cache.h %D%/lookup_cache.c
libcore_a_SOURCES += %D%/excerpt.h %D%/excerpt.c
libcore_a_SOURCES += %D%/settle.h %D%/settle.c %D%/settle_apply.c %D%/settle_extra.c %D%/settle_job.h %D%/settle_pack.c %D%/settle_pack.h %D%/settle_reclaim.c
libcore_a_SOURCES += %D%/received.c %D%/records_settled.h %D%/records_settled.c
libcore_a_SOURCES += %D%/derived.h %D%/derived.c
