/* base/auto.h - a handle that must be closed cleans up when its variable leaves scope.
 *
 *     AUTO(buf) text = BUF(1 << 20);        calls buf_cleanup(&text) at every return
 *     return use(STEAL(handle));            hands a pointer on, leaving NULL behind
 *
 * A type takes part by a function  void NAME_cleanup(TYPE *)  and a line  AUTO_TYPE(NAME, TYPE).
 */
#ifndef BASE_AUTO_H
#define BASE_AUTO_H

#include <stdlib.h>

#define AUTO_TYPE(name, type) typedef type auto_##name##_t
#define AUTO(name) __attribute__((cleanup(name##_cleanup))) auto_##name##_t
#define STEAL(p)                                                                                                       \
	(__extension__({                                                                                               \
		__typeof__(p) stolen_ = (p);                                                                           \
		(p) = NULL;                                                                                            \
		stolen_;                                                                                               \
	}))

static inline void str_cleanup(char **p)
{
	free(*p);
}
AUTO_TYPE(str, char *);

static inline void fd_cleanup(int *fd)
{
	extern int close(int);
	if (*fd >= 0)
		close(*fd);
}
AUTO_TYPE(fd, int);

/* Hands a descriptor on, leaving -1 behind. */
static inline int fd_steal(int *fd)
{
	int n = *fd;

	*fd = -1;
	return n;
}

#endif
