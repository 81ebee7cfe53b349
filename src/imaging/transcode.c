#include "imaging/transcode.h"
#include "imaging/gate.h"
#include "shim/shim.h"
#include <sys/stat.h>
#include <unistd.h>

bool transcode_can(const char *from, const char *to)
{
	return shim_can_transcode(from, to) == 1;
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
	gate_enter();
	int rc = shim_transcode_file(in, out, to, TRANSCODE_MOST);
	gate_leave();
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
