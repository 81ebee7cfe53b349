/* net/scu.h - calling other systems: echo, store, find, move, event report.
 *
 * Identifiers travel as bytes, encoded by the caller in the transfer syntax of the context chosen through
 * scu_accepted(): this room knows messages, not data sets. Threads:  one thread for each client (scu_shutdown from
 * any). Errors:   as net/dimse.h; -E_DENIED when rejected; -E_UNSUP when the peer took no presentation context for what
 * is asked; -E_LIMIT for more than 128 proposals.
 */
#ifndef NET_SCU_H
#define NET_SCU_H

#include "net/dimse.h"

#define SCU_PROPOSALS 128u /* contexts of one association: odd numbers of one byte */

struct scu;
struct scu_target {
	const char *host, *called, *calling;
	uint16_t port;
	uint32_t message_ms; /* an answer must come within this; 0: one minute */
	struct shim_assoc_options options;
};
struct scu_proposal { /* one presentation context */
	const char *abstract;
	const char *syntaxes[8]; /* ends at the first NULL */
	bool as_scp;             /* we are its SCP, who calls to report: role selection, PS3.7 D.3.3.4 */
};
int scu_open(const struct scu_target *t, const struct scu_proposal *p, unsigned n, struct scu **out, struct err *e);
/* The syntaxes accepted for an abstract syntax: seen is called with each context until it returns other than 0, which
 * is then the result. */
int scu_accepted(const struct scu *s, const char *abstract, int (*seen)(void *arg, uint8_t context, const char *syntax),
		 void *arg);
/* All contexts accepted, likewise. */
int scu_contexts(const struct scu *s, int (*seen)(void *arg, uint8_t context, const char *abstract, const char *syntax),
		 void *arg);
int scu_echo(struct scu *s, uint16_t *status, struct err *e);
/* One instance; o's message_id is filled in. */
int scu_store(struct scu *s, struct dimse_object *o, uint16_t *status, struct err *e);

/* model: SOP class of the query; keys: the identifier. seen gets each answer (returns other than 0: C-CANCEL is sent).
 */
int scu_find(struct scu *s, uint8_t context, const char *model, const void *keys, size_t n,
	     int (*seen)(void *arg, const void *row, size_t n), void *arg, struct shim_command *final, struct err *e);
int scu_move(struct scu *s, uint8_t context, const char *model, const char *destination, const void *keys, size_t n,
	     void (*progress)(void *arg, const struct shim_command *rsp), void *arg, struct shim_command *final,
	     struct err *e);
/* N-EVENT-REPORT with its data set. A peer that took the context is told, whatever it answered about roles: some do not
 * answer. */
int scu_event_report(struct scu *s, uint8_t context, const struct dimse_event *event, uint16_t *status, struct err *e);
struct dimse *scu_dimse(struct scu *s);      /* borrowed: for those who send on it themselves */
int scu_close(struct scu *s, struct err *e); /* releases; consumes */
void scu_abort(struct scu *s);               /* consumes; NULL is fine */
void scu_shutdown(struct scu *s);            /* makes what waits on it fail */
static inline void scu_cleanup(struct scu **s)
{
	scu_abort(*s);
}
AUTO_TYPE(scu, struct scu *);
#endif
