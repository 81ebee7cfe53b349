libcore_a_SOURCES += %D%/access.h %D%/access.c %D%/access_internal.h %D%/role.c %D%/credential.h %D%/credential.c \
	%D%/holder.h %D%/holder.c %D%/session.h %D%/session.c %D%/password.h %D%/password.c \
	%D%/throttle.h %D%/throttle.c %D%/login.h %D%/login.c %D%/glass.h %D%/glass.c \
	%D%/jwt.h %D%/jwt.c %D%/fetch.h %D%/fetch.c %D%/provider.h %D%/provider.c %D%/claims.h %D%/claims.c \
	%D%/oidc.h %D%/oidc.c %D%/oidc_login.h %D%/oidc_login.c
libcore_a_SOURCES += %D%/audit.h %D%/audit.c %D%/audit_message.c %D%/chain.h %D%/chain_own.h %D%/chain.c \
	%D%/chain_read.c %D%/syslog.h %D%/syslog.c
