/* Bootstrap tokens "id.secret" as secrets bootstrap-token-<id> of kube-system keep them (Kubernetes, Authenticating with
 * Bootstrap Tokens), and signatures made with them. Pure but for the random tokens. */
#ifndef KNARR_API_BOOTSTRAP_SECRET_H
#define KNARR_API_BOOTSTRAP_SECRET_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"

#define BOOTSTRAP_SECRET_TYPE "bootstrap.kubernetes.io/token"
#define BOOTSTRAP_SECRET_PREFIX "bootstrap-token-"
#define BOOTSTRAP_DEFAULT_GROUP "system:bootstrappers:kubeadm:default-node-token"
enum { BOOTSTRAP_ID_LEN = 6, BOOTSTRAP_SECRET_LEN = 16, BOOTSTRAP_TOKEN_LEN = 23 };

/* Texts owned, "" where there is none. */
struct bootstrap_secret {
	char *id, *secret, *description, *expiration;
	bool signing, authentication;
	char **groups; /* beside system:bootstrappers */
};

/* "abcdef.0123456789abcdef"; the token's id alone with bootstrap_id_has_form(). */
bool bootstrap_token_has_form(const char *token);
bool bootstrap_id_has_form(const char *id);
/* A new token. ret has room for BOOTSTRAP_TOKEN_LEN + 1. Returns ret. */
char *bootstrap_token_random(char *ret);

/* -EINVAL: the object (may be NULL) is no secret of this kind, or its id is not that of its name. */
int bootstrap_secret_read(const json_t *secret, struct bootstrap_secret *ret);
void bootstrap_secret_done(struct bootstrap_secret *s);
#define AUTO_BOOTSTRAP_SECRET AUTO(bootstrap_secret_done) struct bootstrap_secret
/* The Secret object of it. Owned. */
json_t *bootstrap_secret_json(const struct bootstrap_secret *s);
/* When it ends, in ms since the epoch: INT64_MAX when never, 0 (long over) when that cannot be read. */
int64_t bootstrap_secret_end_ms(const struct bootstrap_secret *s);

/* The signature of content by a token (RFC 7515, HS256, detached: "header..signature"). Owned. */
char *bootstrap_sign(const char *content, const char *id, const char *secret);

#endif
