/* Bootstrap tokens: "id.secret", kept in secrets bootstrap-token-<id> of kube-system. Pure. */
#ifndef KNARR_CP_AUTH_BOOTSTRAP_TOKEN_H
#define KNARR_CP_AUTH_BOOTSTRAP_TOKEN_H

#include "cp/auth/service_account.h"

/* The user of such a token. -ENOENT: it is not of that form; -EACCES: its secret is missing, wrong, expired, or not for
 * authentication. */
int bootstrap_token_check(const char *token, const struct auth_objects *objects, int64_t now_s, struct auth_user *ret);

#endif
