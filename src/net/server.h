/* net/server.h - the DICOM listener: one thread for each association, up to a limit.
 *
 * Beyond the limit an association is refused as transient, local limit exceeded (PS3.8 9.3.4); it never waits in line.
 * A slow or silent peer costs its own thread only: the request must be complete within artim_ms, and until then the
 * connection takes no association's place. max_associations + SERVER_WAITING_MORE may wait for their request; one more
 * displaces the one that waited longest; first those that came when SERVER_WAITING_EACH of their address waited already.
 */
#ifndef NET_SERVER_H
#define NET_SERVER_H

#include "base/err.h"
#include "shim/shim.h"
#include <stdbool.h>

#define SERVER_WAITING_MORE 64u
#define SERVER_WAITING_EACH 16u
#define SERVER_REFUSED 32u        /* threads busy with saying no; beyond them the line is cut */
#define SERVER_LEAVING 32u        /* displaced connections whose threads have not ended yet */
#define SERVER_STACK (512u << 10) /* bytes of stack of an association's thread */

struct server;
struct server_options {
	const char *listen; /* address */
	uint16_t port;      /* 0: a free one */
	unsigned max_associations;
	struct shim_assoc_options assoc;
	/* The whole life of one association, on its own thread: negotiate, serve, release. The handle is freed by the
	 * server afterwards. */
	void (*serve)(void *arg, shim_assoc *a);
	void *arg;
};
int server_start(const struct server_options *o, struct server **out, struct err *e);
uint16_t server_port(const struct server *s);
unsigned server_open(const struct server *s); /* associations now */
/* Stops listening at once; lets associations finish the message under way for at most grace_ms, then cuts them; joins.
 */
void server_stop(struct server *s, uint32_t grace_ms);
/* Whether a numeric address is of this machine only: 127.0.0.0/8 or ::1. */
bool server_loopback(const char *address);
bool server_stopping(const struct server *s); /* faces end an association between two messages when this is true */
#endif
