/* Who asks. Purpose: turn a request's credentials into a user. Happy path: the certificate that TLS verified names the
 * user (CN) and groups (O). Bad credentials fail with -EACCES; none make the request anonymous. Every user is in
 * exactly one of system:authenticated and system:unauthenticated. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/str.h"
#include "cp/auth/user.h"

#define AUTHENTICATED "system:authenticated"
#define ANONYMOUS "system:anonymous"

void auth_user_set(struct auth_user *u, const char *name, char *const *groups)
{
	auth_user_done(u);
	u->name = xstrdup(name);
	u->uid = xstrdup("");
	for (size_t i = 0; groups && groups[i]; i++)
		strv_add(&u->groups, groups[i]);
	if (!strv_has(u->groups, AUTHENTICATED))
		strv_add(&u->groups, AUTHENTICATED);
}

void auth_user_set_anonymous(struct auth_user *u)
{
	auth_user_done(u);
	u->name = xstrdup(ANONYMOUS);
	u->uid = xstrdup("");
	strv_add(&u->groups, "system:unauthenticated");
}

void auth_user_done(struct auth_user *u)
{
	free(u->name);
	free(u->uid);
	free_strv(&u->groups);
	*u = (struct auth_user){0};
}

bool auth_user_in(const struct auth_user *u, const char *group)
{
	return strv_has(u->groups, group);
}

bool auth_user_is_anonymous(const struct auth_user *u)
{
	return str_eq(u->name, ANONYMOUS);
}

int auth_authenticate(const struct http_exchange *x, auth_token_fn check_token, void *arg, struct auth_user *ret)
{
	const char *cn = http_peer_common_name(x), *authorization = http_header_get(x, "authorization");
	if (!str_empty(cn)) {
		auth_user_set(ret, cn, http_peer_organizations(x));
		return 0;
	}
	if (authorization && strncasecmp(authorization, "Bearer ", 7) == 0) {
		const char *token = authorization + 7 + strspn(authorization + 7, " ");
		if (*token)
			return check_token ? check_token(arg, token, ret) : -EACCES;
	}
	auth_user_set_anonymous(ret);
	return 0;
}
