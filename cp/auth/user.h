/* Who asks: a name and groups, as authentication found them. */
#ifndef KNARR_CP_AUTH_USER_H
#define KNARR_CP_AUTH_USER_H

#include <stdbool.h>

#include "io/http_server.h"

struct auth_user {
	char *name;
	char *uid;     /* "" when unknown */
	char **groups; /* with system:authenticated or system:unauthenticated */
};

void auth_user_set(struct auth_user *u, const char *name, char *const *groups); /* copies; adds system:authenticated */
void auth_user_set_anonymous(struct auth_user *u);
void auth_user_done(struct auth_user *u);
bool auth_user_in(const struct auth_user *u, const char *group);
bool auth_user_is_anonymous(const struct auth_user *u);

/* Looks at a bearer token: 0 with ret filled, -EACCES for one that is not valid. */
typedef int (*auth_token_fn)(void *arg, const char *token, struct auth_user *ret);

/* The client certificate's CN and O, else a bearer token by check_token (NULL: none is valid), else anonymous.
 * -EACCES: credentials were given and are not valid (401). */
int auth_authenticate(const struct http_exchange *x, auth_token_fn check_token, void *arg, struct auth_user *ret);

#endif
