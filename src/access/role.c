/* access/role.c - the one table of what a role may. */
#include "access/access.h"
#include <stdio.h>
#include <string.h>

#define R(right) (1u << RIGHT_##right)

/* An administrator manages the node and sees no images by that: whoever needs both is given both roles. */
static const struct {
	const char *name;
	enum role role;
	uint32_t rights;
} roles[] = {
    {"site-sender", ROLE_SITE_SENDER, R(LOGIN) | R(STORE)},
    {"site-viewer", ROLE_SITE_VIEWER, R(LOGIN) | R(SEE)},
    {"reader", ROLE_READER, R(LOGIN) | R(SEE)},
    {"chief", ROLE_CHIEF, R(LOGIN) | R(SEE) | R(DELETE) | R(WATCH)},
    {"qa", ROLE_QA, R(LOGIN) | R(SEE) | R(WATCH) | R(AUDIT)},
    {"admin", ROLE_ADMIN, R(LOGIN) | R(DELETE) | R(WATCH) | R(AUDIT) | R(MANAGE)},
};
#define ROLES (sizeof roles / sizeof roles[0])

const char *right_name(enum right r)
{
	static const char *const names[RIGHTS] = {
	    [RIGHT_NOBODY] = "come in",
	    [RIGHT_LOGIN] = "log in",
	    [RIGHT_SEE] = "see images",
	    [RIGHT_STORE] = "store",
	    [RIGHT_DELETE] = "delete",
	    [RIGHT_WATCH] = "watch the node",
	    [RIGHT_AUDIT] = "read the audit trail",
	    [RIGHT_MANAGE] = "manage",
	};

	return names[r];
}

const char *role_name(enum role r)
{
	for (size_t i = 0; i < ROLES; i++)
		if (roles[i].role == r)
			return roles[i].name;
	return "none";
}

int role_parse(const char *name, enum role *out)
{
	for (size_t i = 0; i < ROLES; i++)
		if (strcmp(roles[i].name, name) == 0) {
			*out = roles[i].role;
			return 0;
		}
	return -E_INVAL;
}

const char *roles_text(uint32_t set, char out[ROLES_TEXT])
{
	size_t n = 0;

	out[0] = '\0';
	for (size_t i = 0; i < ROLES; i++)
		if (set & roles[i].role)
			n += (size_t)snprintf(out + n, ROLES_TEXT - n, "%s%s", n ? "," : "", roles[i].name);
	return out;
}

int roles_parse(const char *text, uint32_t *out, struct err *e)
{
	uint32_t set = 0;

	for (text += strspn(text, ", "); *text; text += strspn(text, ", ")) {
		size_t n = strcspn(text, ", ");
		char word[16];
		enum role r;

		snprintf(word, sizeof word, "%.*s", (int)(n < sizeof word ? n : sizeof word - 1), text);
		if (n >= sizeof word || role_parse(word, &r) < 0)
			return err_set(e, E_INVAL,
				       "\"%s\" is no role, expected site-sender, site-viewer, reader, chief, qa or "
				       "admin",
				       word);
		set |= r;
		text += n;
	}
	*out = set;
	return 0;
}

uint32_t access_rights(uint32_t set)
{
	uint32_t rights = R(NOBODY);

	for (size_t i = 0; i < ROLES; i++)
		if (set & roles[i].role)
			rights |= roles[i].rights;
	return rights;
}
