/* Service accounts: their user names, the claims of their tokens, and whether claims still hold. Pure. */
#ifndef KNARR_CP_AUTH_SERVICE_ACCOUNT_H
#define KNARR_CP_AUTH_SERVICE_ACCOUNT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "cp/auth/user.h"

enum {
	SA_SECONDS_MIN = 600,
	SA_WARN_SECONDS = 3607,        /* a pod's token of this life is extended: */
	SA_EXTENDED_SECONDS = 31536000 /* it works for a year, and is told of after the time that was asked for */
};

/* "system:serviceaccount:NS:NAME"; owned. */
char *sa_user_name(const char *ns, const char *name);
/* Takes such a name apart: whether it is one. Returned owned. */
bool sa_split_user_name(const char *user, char **ret_ns, char **ret_name);
/* system:serviceaccounts and that of the namespace; an owned vector. */
char **sa_groups(const char *ns);

/* What a token is bound to. */
struct sa_ref {
	const char *name, *uid; /* name NULL: nothing; uid may be "" for a node that is not registered */
};
struct sa_token {
	const char *issuer, *ns;
	struct sa_ref account, pod, secret, node;
	const json_t *audiences; /* array of strings */
	int64_t now_s, seconds, warn_after_s; /* warn_after_s: 0 for none */
};
/* The claims of a new token, with a jti of its own. Owned. */
json_t *sa_claims(const struct sa_token *t);

/* The claims of a token without end, kept in a secret of type kubernetes.io/service-account-token; their issuer is
 * SA_SECRET_ISSUER. Owned. */
#define SA_SECRET_ISSUER "kubernetes/serviceaccount"
json_t *sa_secret_claims(const char *ns, const char *account, const char *uid, const char *secret);

/* The object of a core resource ("serviceaccounts", "pods", "secrets", "nodes" with ns ""), owned; NULL: there is none. */
struct auth_objects {
	json_t *(*get)(void *arg, const char *resource, const char *ns, const char *name);
	void *arg;
};
/* Whether claims with a good signature hold: times (a minute of leeway), account and bound objects still there under the
 * same uid. 0 with the account's user; -EACCES with the reason. */
int sa_claims_check(const json_t *claims, const struct auth_objects *objects, int64_t now_s, struct auth_user *ret, struct err *e);
/* The same for a secret's token: account and secret are there, and the secret holds this very token. */
int sa_secret_claims_check(const json_t *claims, const char *token, const struct auth_objects *objects, struct auth_user *ret,
			   struct err *e);

#endif
