dist_man_MANS += %D%/teleread.1 %D%/teleread-serve.1 %D%/teleread-import.1 %D%/teleread-export.1 %D%/teleread-find.1 \
	%D%/teleread-site.1 %D%/teleread-peer.1 %D%/teleread-alerts.1 %D%/teleread-audit.1 %D%/teleread-backup.1 %D%/teleread-fsck.1 %D%/teleread-reindex.1 %D%/teleread-config.1 \
	%D%/teleread-commitment.1 %D%/teleread-statement.1 %D%/teleread.conf.5
dist_man_MANS += %D%/teleread-quarantine.1 %D%/teleread-drop.1 %D%/teleread-hold.1 %D%/teleread-events.1
dist_man_MANS += %D%/teleread-token.1 %D%/teleread-user.1 %D%/teleread-settle.1
dist_man_MANS += %D%/teleread-pack.5 %D%/teleread-names.7 %D%/teleread-query.7 %D%/teleread-http.7 %D%/teleread-codecs.7
