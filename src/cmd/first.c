#include "cmd/first.h"
#include "access/login.h"
#include "cmd/demo.h"
#include <stdio.h>

static int demo_accounts(struct archive *a, struct err *e)
{
	static const struct {
		const char *name, *site;
		uint32_t roles;
	} people[] = {
	    {"demo-reader", DEMO_PROVINCE, ROLE_READER},
	    {"demo-county", DEMO_SITE, ROLE_SITE_VIEWER | ROLE_SITE_SENDER},
	};
	char roles[ROLES_TEXT], password[PASSWORD_RANDOM];
	int rc = 0;

	for (size_t i = 0; i < sizeof people / sizeof people[0] && rc == 0; i++) {
		password_random(password);
		if ((rc = access_account(a, people[i].name, people[i].roles, people[i].site, password, e)) == 0)
			fprintf(stderr, "demo: log in as %s (%s) with the password %s until the next start\n",
				people[i].name, roles_text(people[i].roles, roles), password);
	}
	return rc;
}

int first_accounts(struct archive *a, bool demo, struct err *e)
{
	char password[PASSWORD_RANDOM];
	int rc = access_first_admin(a, password, e);

	if (rc > 0)
		fprintf(stderr,
			"teleread serve: made the first account: admin, password %s (shown this once; "
			"teleread user password admin gives another)\n",
			password);
	return rc < 0 ? rc : demo ? demo_accounts(a, e) : 0;
}
