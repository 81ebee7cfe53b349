#include "net/listen.h"
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int listen_one(const struct addrinfo *a)
{
	int one = 1, fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, a->ai_protocol);

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, a->ai_addr, a->ai_addrlen) == 0 && listen(fd, SOMAXCONN) == 0)
		return fd;
	int keep = errno;
	close(fd);
	errno = keep;
	return -1;
}

int listen_on(const char *address, uint16_t port, int *out, uint16_t *bound_port, struct err *e)
{
	struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM}, *found, *a;
	struct sockaddr_storage bound = {0};
	socklen_t len = sizeof(bound);
	char service[8], shown[8] = "";
	int rc, fd = -1;

	snprintf(service, sizeof(service), "%u", port);
	if ((rc = getaddrinfo(address, service, &hints, &found)) != 0)
		return err_set(e, E_CONFIG, "address %s: %s", address, gai_strerror(rc));
	for (a = found; a && fd < 0; a = a->ai_next)
		fd = listen_one(a);
	freeaddrinfo(found);
	if (fd < 0)
		return err_sys(e, errno == EADDRINUSE ? E_BUSY : E_IO, "listening on %s port %u", address, port);
	if (getsockname(fd, (struct sockaddr *)&bound, &len) < 0 ||
	    getnameinfo((struct sockaddr *)&bound, len, NULL, 0, shown, sizeof(shown), NI_NUMERICSERV) != 0) {
		close(fd);
		return err_sys(e, E_IO, "asking for the port");
	}
	*bound_port = (uint16_t)strtoul(shown, NULL, 10);
	*out = fd;
	return 0;
}

void listen_address(const struct sockaddr *from, socklen_t n, char *out, size_t room)
{
	if (getnameinfo(from, n, out, (socklen_t)room, NULL, 0, NI_NUMERICHOST) != 0)
		snprintf(out, room, "?");
}
