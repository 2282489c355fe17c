/* Who asks: a name, groups and more, as authentication found them. */
#ifndef KNARR_CP_AUTH_USER_H
#define KNARR_CP_AUTH_USER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define AUTH_AUTHENTICATED "system:authenticated"
#define AUTH_UNAUTHENTICATED "system:unauthenticated"
#define AUTH_ANONYMOUS "system:anonymous"
#define AUTH_CREDENTIAL_ID "authentication.kubernetes.io/credential-id"
#define AUTH_NODE_NAME "authentication.kubernetes.io/node-name"

/* What an authenticator knows beyond the usual; keys are unique and sorted. */
struct auth_extra {
	char *key;
	char **values;
};

struct auth_user {
	char *name;
	char *uid;     /* "" when unknown */
	char **groups; /* with system:authenticated or system:unauthenticated */
	struct auth_extra *extra;
	size_t n_extra;
};

void auth_user_set(struct auth_user *u, const char *name, char *const *groups); /* copies; adds system:authenticated */
void auth_user_set_anonymous(struct auth_user *u);
void auth_user_set_uid(struct auth_user *u, const char *uid);
void auth_user_add_extra(struct auth_user *u, const char *key, const char *value);
/* The values of a key, NULL: there are none. */
char *const *auth_user_extra(const struct auth_user *u, const char *key);
/* The key of an extra header's name: lower case, %XX decoded where that works. Owned. */
char *auth_extra_key(const char *encoded);
void auth_user_copy(struct auth_user *u, const struct auth_user *from);
void auth_user_done(struct auth_user *u);
bool auth_user_in(const struct auth_user *u, const char *group);
bool auth_user_is_anonymous(const struct auth_user *u);
/* As UserInfo (authentication.k8s.io/v1): username, uid, groups, extra, each where there is something. Owned. */
json_t *auth_user_json(const struct auth_user *u);

#endif
