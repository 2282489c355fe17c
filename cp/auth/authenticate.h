/* Who asks: the credentials of a request, or a token alone, become a user. */
#ifndef KNARR_CP_AUTH_AUTHENTICATE_H
#define KNARR_CP_AUTH_AUTHENTICATE_H

#include <jansson.h>
#include <stdbool.h>

#include "base/err.h"
#include "cp/auth/jwt.h"
#include "cp/auth/service_account.h"
#include "cp/auth/user.h"
#include "io/http_server.h"

/* Vectors are NULL-terminated; what is NULL is off. All borrowed for the call but for objects.arg. */
struct authn_config {
	char *const *issuers;          /* the first one issues, all are believed */
	char *const *audiences;        /* of this API; NULL: the issuers */
	const char *signing_key_file;  /* private key of service accounts' tokens */
	char *const *key_files;        /* further keys that tokens may be signed with */
	const char *token_file;        /* token,user,uid[,"group1,group2"] lines */
	bool bootstrap_tokens;         /* secrets of type bootstrap.kubernetes.io/token in kube-system */
	bool anonymous;
	/* Users named by a proxy's headers: with a certificate of the proxy CA whose CN is in names (NULL: any). */
	char *const *proxy_names, *const *proxy_user_headers, *const *proxy_uid_headers, *const *proxy_group_headers,
	    *const *proxy_extra_prefixes;
	struct auth_objects objects;
};
struct authn;

int authn_new(const struct authn_config *c, struct authn **ret, struct err *e);
void authn_free(struct authn *a); /* NULL is fine */

/* A request's user: a proxy's word, the client certificate, a bearer token, else anonymous. -EACCES: credentials were
 * given and are not valid, or none were given where some are needed (401). */
int authn_request(struct authn *a, const struct http_exchange *x, struct auth_user *ret);
/* A token's user, for one of the audiences (array of strings; NULL: those of this API); ret_audiences gets those of them
 * that the token is for, owned. -EACCES with the reference's words. Good answers are remembered for ten seconds. */
int authn_token(struct authn *a, const char *token, const json_t *audiences, struct auth_user *ret, json_t **ret_audiences,
		struct err *e);

const char *authn_issuer(const struct authn *a);
const json_t *authn_audiences(const struct authn *a);
/* The key that signs, NULL: none was given. */
const struct jwt_key *authn_signing_key(const struct authn *a);
/* {"keys":[...]}: every key that tokens may be signed with (RFC 7517). Owned. */
json_t *authn_jwks(const struct authn *a);

#endif
