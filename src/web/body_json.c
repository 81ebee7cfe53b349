#include "web/body_json.h"
#include <string.h>
#include <strings.h>

int body_json(struct exchange *x, const struct buf *body, json_t **out, struct err *e)
{
	const char *type = http_header(x->http, "Content-Type");
	size_t n = type ? strcspn(type, "; ") : 0;
	json_error_t why;

	if (n != strlen("application/json") || strncasecmp(type, "application/json", n) != 0) {
		x->status = 415;
		return err_set(e, E_UNSUP, "Content-Type: expected application/json");
	}
	*out = json_loadb((const char *)body->data, body->len, JSON_REJECT_DUPLICATES, &why);
	if (!json_is_object(*out))
		return err_set(e, E_INVAL, "the body is no JSON object");
	return 0;
}

int body_json_text(const json_t *o, const char *name, const char **out, struct err *e)
{
	const json_t *v = json_object_get(o, name);

	if (!json_is_string(v))
		return err_set(e, E_INVAL, "the member \"%s\" is missing, or no text", name);
	*out = json_string_value(v); /* jansson takes no NUL in a text */
	return 0;
}
