#include "imaging/transcode.h"
#include "shim/shim.h"
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

static pthread_mutex_t gate_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t gate_open = PTHREAD_COND_INITIALIZER;
static unsigned at_work;

bool transcode_can(const char *from, const char *to)
{
	return shim_can_transcode(from, to) == 1;
}

static int in_turn(const char *in, const char *out, const char *to)
{
	pthread_mutex_lock(&gate_lock);
	while (at_work == TRANSCODE_AT_ONCE)
		pthread_cond_wait(&gate_open, &gate_lock);
	at_work++;
	pthread_mutex_unlock(&gate_lock);
	int rc = shim_transcode_file(in, out, to, TRANSCODE_MOST);
	pthread_mutex_lock(&gate_lock);
	at_work--;
	pthread_cond_signal(&gate_open);
	pthread_mutex_unlock(&gate_lock);
	return rc;
}

int transcode_file(const char *in, const char *out, const char *to, struct err *e)
{
	enum err_code code;
	struct stat st;

	if (stat(in, &st) < 0)
		return err_sys(e, E_IO, "looking at %s", in);
	if (st.st_size > TRANSCODE_MOST)
		return err_set(e, E_LIMIT, "%lld bytes are too many to turn into another syntax",
			       (long long)st.st_size);
	int rc = in_turn(in, out, to);

	if (rc >= 0)
		return 0;
	switch (rc) {
	case SHIM_EUNSUP:
		code = E_UNSUP;
		break;
	case SHIM_EIO:
		code = E_IO;
		break;
	case SHIM_ELIMIT:
		code = E_LIMIT;
		break;
	case SHIM_ENOMEM:
		code = E_NOMEM;
		break;
	default:
		code = E_INVAL;
	}
	err_set(e, code, "to %s: %s", to, shim_error());
	unlink(out);
	return -(int)code;
}
