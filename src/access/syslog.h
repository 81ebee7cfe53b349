/* access/syslog.h - lines of the audit trail to a syslog collector over TLS.
 *
 * A thread reads the chain's files behind what it sent last (FOLDER/sent keeps the number), so an outage of hours costs
 * no memory and loses nothing; after a crash, or a connection that broke, the last few may arrive twice.
 * Source:   RFC 5424, RFC 5425; PS3.15 A.6 (MSGID DICOM+RFC3881).   Threads: start and stop by one.
 */
#ifndef ACCESS_SYSLOG_H
#define ACCESS_SYSLOG_H

#include "base/err.h"

struct syslog_options {
	const char *host;              /* "collector.example:6514" */
	const char *ca;                /* PEM file that its certificate is proved with; NULL: the system's */
	const char *certificate, *key; /* our own, PEM; NULL: none is shown */
};
struct syslog;
int syslog_check(const struct syslog_options *o, struct err *e); /* what syslog_start() would refuse: -E_CONFIG */
int syslog_start(const struct syslog_options *o, const char *folder, const char *app, struct syslog **out,
		 struct err *e);
void syslog_news(struct syslog *s); /* something was appended; NULL is fine */
void syslog_stop(struct syslog *s); /* NULL is fine */
#endif
