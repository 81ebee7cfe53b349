/* web/handlers.h - what the table of routes calls, by the file it is in. Of this room only. */
#ifndef WEB_HANDLERS_H
#define WEB_HANDLERS_H

#include "web/exchange.h"

/* about.c */
int about_capabilities(struct exchange *x, struct err *e);
int about_openapi(struct exchange *x, struct err *e);
int about_page(struct exchange *x, struct err *e);
/* health.c */
int health_alive(struct exchange *x, struct err *e);
int health_alive_quick(struct exchange *x);
int health_ready(struct exchange *x, struct err *e);
int health_metrics(struct exchange *x, struct err *e);
/* login.c */
int login_in(struct exchange *x, struct err *e);
int login_out(struct exchange *x, struct err *e);
int login_me(struct exchange *x, struct err *e);
int login_password(struct exchange *x, struct err *e);
int login_glass(struct exchange *x, struct err *e);
int login_glasses(struct exchange *x, struct err *e);
int login_set_cookie(struct exchange *x, const char *secret, struct err *e); /* of the session; "": takes it away */
/* qido.c */
int qido_studies(struct exchange *x, struct err *e);
int qido_series(struct exchange *x, struct err *e);
int qido_instances(struct exchange *x, struct err *e);
/* stow.c */
int stow_store(struct exchange *x, struct err *e);
/* changes.c, events.c */
int changes_list(struct exchange *x, struct err *e);
int events_listen(struct exchange *x, struct err *e);
/* bin.c */
int bin_delete(struct exchange *x, struct err *e);
int bin_list(struct exchange *x, struct err *e);
int bin_restore(struct exchange *x, struct err *e);
/* oidc.c */
int oidc_leave(struct exchange *x, struct err *e);
int oidc_return(struct exchange *x, struct err *e);
#endif
