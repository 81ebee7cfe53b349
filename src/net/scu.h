/* net/scu.h - calling other systems: echo, store, find, move.
 *
 * Threads:  one thread for each client.    Errors: as net/dimse.h; -E_DENIED when rejected; -E_UNSUP when the peer took no
 * presentation context for what is asked.
 */
#ifndef NET_SCU_H
#define NET_SCU_H

#include "dicom/dset.h"
#include "net/dimse.h"

struct scu;
struct scu_target {
	const char *host, *called, *calling;
	uint16_t port;
	struct shim_assoc_options options;
};
struct scu_proposal { /* one presentation context */
	const char *abstract;
	const char *syntaxes[8]; /* NULL-terminated */
};
int scu_open(const struct scu_target *t, const struct scu_proposal *p, unsigned n, struct scu **out, struct err *e);
/* The syntaxes accepted for an abstract syntax: calls seen with each context. */
int scu_accepted(const struct scu *s, const char *abstract, int (*seen)(void *arg, uint8_t context, const char *syntax), void *arg);
int scu_echo(struct scu *s, uint16_t *status, struct err *e);
/* One instance; read() gives the data set piece by piece (count, 0 at the end, negative). */
struct scu_object {
	const char *sop_class, *sop_instance;
	uint8_t context;
	const char *originator; /* AE title of the C-MOVE SCU, NULL: none */
	uint16_t originator_id;
	int64_t (*read)(void *arg, void *buf, size_t n, struct err *e);
	void *arg;
};
int scu_store(struct scu *s, const struct scu_object *o, uint16_t *status, struct err *e);
/* model: SOP class of the query; seen gets each answer (return non-zero: C-CANCEL). */
int scu_find(struct scu *s, const char *model, const struct dset *keys, int (*seen)(void *arg, const struct dset *row),
	     void *arg, uint16_t *status, struct err *e);
int scu_move(struct scu *s, const char *model, const char *destination, const struct dset *keys,
	     void (*progress)(void *arg, const struct shim_command *rsp), void *arg, struct shim_command *final, struct err *e);
int scu_close(struct scu *s, struct err *e); /* releases; consumes */
void scu_abort(struct scu *s);               /* consumes; NULL is fine */
#endif
