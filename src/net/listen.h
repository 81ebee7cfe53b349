/* net/listen.h - a listening TCP socket. Threads: any. */
#ifndef NET_LISTEN_H
#define NET_LISTEN_H

#include "base/err.h"
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* address: numeric; port 0: a free one, told in *bound. The socket does not block. -E_CONFIG for the address, -E_BUSY
 * where the port is taken. */
int listen_on(const char *address, uint16_t port, int *fd, uint16_t *bound, struct err *e);
/* The numeric form of an address, "?" if there is none. */
void listen_address(const struct sockaddr *from, socklen_t n, char *out, size_t room);

#endif
