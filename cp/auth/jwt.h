/* JSON web tokens in compact form (RFC 7515, RFC 7519), signed with RS256 or, for P-256 keys, ES256. Nothing else is
 * accepted: neither "none" nor an algorithm that does not fit the key. */
#ifndef KNARR_CP_AUTH_JWT_H
#define KNARR_CP_AUTH_JWT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

enum { JWT_MAX = 16384 }; /* bytes of a token that is looked at */

struct jwt_key;

/* The PEM file of a private key (which can sign and verify), a public key or a certificate. -EINVAL: no key of a type
 * that is supported (RSA of at least 2048 bits, EC P-256); errors name the file. */
int jwt_key_load(const char *file, struct jwt_key **ret, struct err *e);
int jwt_key_parse(const char *pem, size_t len, struct jwt_key **ret, struct err *e);
void jwt_key_free(struct jwt_key *k); /* NULL is fine */
/* base64url of the SHA-256 of the public key's DER (SubjectPublicKeyInfo). */
const char *jwt_key_id(const struct jwt_key *k);
/* The public key as a JWK (RFC 7517): use, kty, kid, alg and the key's numbers. Owned. */
json_t *jwt_key_jwk(const struct jwt_key *k);

/* Signs the claims (an object). -EINVAL: the key is a public one. Returns owned text. */
int jwt_sign(const struct jwt_key *k, const json_t *claims, char **ret, struct err *e);

/* Takes a token apart without any check of its signature: header and claims, owned; either may be NULL. -EINVAL: it is not
 * a token. */
int jwt_read(const char *token, json_t **ret_header, json_t **ret_claims);
/* The claims of a token that one of the keys has signed; the one with the token's kid is preferred. -EINVAL: no token;
 * -EACCES: no key fits. Times and audiences are the caller's to check. Returns owned. */
int jwt_verify(struct jwt_key *const *keys, size_t n, const char *token, json_t **ret_claims, struct err *e);

#endif
