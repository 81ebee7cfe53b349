# Every SQL file, one a line: migrations NNNN-name.sql, then queries. They are built into the program (scripts/embed-sql).
SQL_SQLITE = \
	data/sql/sqlite/0001-index.sql \
	data/sql/sqlite/0002-text.sql \
	data/sql/sqlite/0003-charset.sql \
	data/sql/sqlite/0004-attrs.sql \
	data/sql/sqlite/0005-kept.sql \
	data/sql/sqlite/0006-commitment.sql \
	data/sql/sqlite/0007-coerce.sql \
	data/sql/sqlite/backup-count.sql \
	data/sql/sqlite/backup-packs.sql \
	data/sql/sqlite/backup-record.sql \
	data/sql/sqlite/bin-list.sql \
	data/sql/sqlite/check-counts.sql \
	data/sql/sqlite/check-event.sql \
	data/sql/sqlite/check-events.sql \
	data/sql/sqlite/check-instance.sql \
	data/sql/sqlite/check-kept.sql \
	data/sql/sqlite/check-number-of-rows.sql \
	data/sql/sqlite/check-quarantine.sql \
	data/sql/sqlite/check-rows.sql \
	data/sql/sqlite/class-add.sql \
	data/sql/sqlite/classes.sql \
	data/sql/sqlite/commitment-add.sql \
	data/sql/sqlite/commitment-due.sql \
	data/sql/sqlite/commitment-find.sql \
	data/sql/sqlite/commitment-get.sql \
	data/sql/sqlite/commitment-instance.sql \
	data/sql/sqlite/commitment-later.sql \
	data/sql/sqlite/commitment-list.sql \
	data/sql/sqlite/commitment-postpone.sql \
	data/sql/sqlite/commitment-purge.sql \
	data/sql/sqlite/commitment-repeat.sql \
	data/sql/sqlite/commitment-set.sql \
	data/sql/sqlite/commitment-verified.sql \
	data/sql/sqlite/commitment-waiting.sql \
	data/sql/sqlite/count-patient.sql \
	data/sql/sqlite/count-series.sql \
	data/sql/sqlite/count-study.sql \
	data/sql/sqlite/dates-few.sql \
	data/sql/sqlite/delta-add.sql \
	data/sql/sqlite/event-add.sql \
	data/sql/sqlite/event-list.sql \
	data/sql/sqlite/extra-add.sql \
	data/sql/sqlite/extra-find.sql \
	data/sql/sqlite/fold-done.sql \
	data/sql/sqlite/fold-series.sql \
	data/sql/sqlite/fold-study.sql \
	data/sql/sqlite/fold-upto.sql \
	data/sql/sqlite/form-add.sql \
	data/sql/sqlite/form-find.sql \
	data/sql/sqlite/gram-add.sql \
	data/sql/sqlite/gram-few.sql \
	data/sql/sqlite/hold-get.sql \
	data/sql/sqlite/hold-list.sql \
	data/sql/sqlite/hold-remove.sql \
	data/sql/sqlite/hold-set.sql \
	data/sql/sqlite/index-clear.sql \
	data/sql/sqlite/instance-add.sql \
	data/sql/sqlite/instance-known.sql \
	data/sql/sqlite/instance-refresh.sql \
	data/sql/sqlite/instance-study.sql \
	data/sql/sqlite/kept-against.sql \
	data/sql/sqlite/kept-bin.sql \
	data/sql/sqlite/kept-drop.sql \
	data/sql/sqlite/kept-get.sql \
	data/sql/sqlite/kept-gone.sql \
	data/sql/sqlite/kept-list.sql \
	data/sql/sqlite/kept-remove.sql \
	data/sql/sqlite/kept-replace.sql \
	data/sql/sqlite/kept-stays.sql \
	data/sql/sqlite/list.sql \
	data/sql/sqlite/meta-get.sql \
	data/sql/sqlite/meta-set.sql \
	data/sql/sqlite/modalities.sql \
	data/sql/sqlite/modality-add.sql \
	data/sql/sqlite/name-add.sql \
	data/sql/sqlite/name-remove.sql \
	data/sql/sqlite/names-clear.sql \
	data/sql/sqlite/patient-add.sql \
	data/sql/sqlite/patient-find.sql \
	data/sql/sqlite/patient-first.sql \
	data/sql/sqlite/patient-names.sql \
	data/sql/sqlite/patient-refresh.sql \
	data/sql/sqlite/peer-add.sql \
	data/sql/sqlite/peer-each.sql \
	data/sql/sqlite/peer-get.sql \
	data/sql/sqlite/peer-remove.sql \
	data/sql/sqlite/prove-attach.sql \
	data/sql/sqlite/prove-detach.sql \
	data/sql/sqlite/prove.sql \
	data/sql/sqlite/quarantine-add.sql \
	data/sql/sqlite/quarantine-known.sql \
	data/sql/sqlite/recount-series.sql \
	data/sql/sqlite/recount-study.sql \
	data/sql/sqlite/refresh-page.sql \
	data/sql/sqlite/refresh-same.sql \
	data/sql/sqlite/remove-classes.sql \
	data/sql/sqlite/remove-deltas.sql \
	data/sql/sqlite/remove-empty-series.sql \
	data/sql/sqlite/remove-instance.sql \
	data/sql/sqlite/remove-instances.sql \
	data/sql/sqlite/remove-modalities.sql \
	data/sql/sqlite/remove-names.sql \
	data/sql/sqlite/remove-patient.sql \
	data/sql/sqlite/remove-series.sql \
	data/sql/sqlite/remove-study.sql \
	data/sql/sqlite/select-page.sql \
	data/sql/sqlite/series-add.sql \
	data/sql/sqlite/series-owner.sql \
	data/sql/sqlite/series-refresh.sql \
	data/sql/sqlite/site-add.sql \
	data/sql/sqlite/site-below.sql \
	data/sql/sqlite/site-each.sql \
	data/sql/sqlite/site-get.sql \
	data/sql/sqlite/site-remove.sql \
	data/sql/sqlite/site-set.sql \
	data/sql/sqlite/site-used.sql \
	data/sql/sqlite/study-add.sql \
	data/sql/sqlite/study-age.sql \
	data/sql/sqlite/study-names.sql \
	data/sql/sqlite/study-note-clear.sql \
	data/sql/sqlite/study-note-get.sql \
	data/sql/sqlite/study-note.sql \
	data/sql/sqlite/study-owner.sql \
	data/sql/sqlite/study-refresh.sql \
	data/sql/sqlite/uid-add.sql \
	data/sql/sqlite/uid-find.sql
EXTRA_DIST += $(SQL_SQLITE)

# Characters of names (scripts/han-tables makes them); built into the program by scripts/embed-text.
HAN_TABLES = data/text/han-fold.txt data/text/pinyin.txt
EXTRA_DIST += $(HAN_TABLES) scripts/han-tables
dist_doc_DATA += data/text/LICENSE-UNICODE

# what is installed: a sample configuration that explains every setting, a unit for systemd, and a file to try things out with
exampledir = $(docdir)/examples
dist_example_DATA = %D%/teleread.conf %D%/teleread.service %D%/demo/sample.dcm
