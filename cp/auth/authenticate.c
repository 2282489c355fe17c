/* Authentication. Purpose: turn a request's credentials into a user. Happy path: in this order, what a trusted proxy's
 * headers say, the client certificate (CN is the name, O the groups), a bearer token (token file, service account,
 * bootstrap token), else anonymous. Bad credentials fail with -EACCES. A good token's answer is remembered for ten
 * seconds, a bad one's never. */
#include "cp/auth/authenticate.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"
#include "cp/auth/bootstrap_token.h"
#include "cp/auth/token_file.h"

#define INVALID "invalid bearer token"
#define WS_BEARER "base64url.bearer.authorization.k8s.io."

enum { REMEMBER_MS = 10000, REMEMBERED_MAX = 4096 };

struct authn {
	char **issuers;
	json_t *audiences;
	struct jwt_key *signing;
	struct jwt_key **keys; /* the signing key among them */
	size_t n_keys;
	struct map *token_users; /* token -> struct auth_user *; NULL: no token file */
	struct map *remembered;  /* audiences and token -> struct known * */
	bool bootstrap_tokens, anonymous, proxy;
	char **proxy_names, **proxy_users, **proxy_uids, **proxy_groups, **proxy_extras;
	struct auth_objects objects;
};

/* A token that was good. */
struct known {
	int64_t until_ms;
	struct auth_user user;
	json_t *audiences;
};

static void known_free(void *p)
{
	struct known *k = p;
	auth_user_done(&k->user);
	json_decref(k->audiences);
	free(k);
}

/* Takes key, unless the same is there already. */
static void add_key(struct authn *a, struct jwt_key *key)
{
	for (size_t i = 0; i < a->n_keys; i++)
		if (!strcmp(jwt_key_id(a->keys[i]), jwt_key_id(key))) {
			jwt_key_free(key);
			return;
		}
	a->keys = xreallocarray(a->keys, a->n_keys + 1, sizeof(struct jwt_key *));
	a->keys[a->n_keys++] = key;
}

static int load_keys(struct authn *a, const struct authn_config *c, struct err *e)
{
	int r = 0;
	if (c->signing_key_file) {
		if ((r = jwt_key_load(c->signing_key_file, &a->signing, e)) < 0)
			return r;
		add_key(a, a->signing);
	}
	for (char *const *file = c->key_files; file && *file; file++) {
		struct jwt_key *key = NULL;
		if ((r = jwt_key_load(*file, &key, e)) < 0)
			return r;
		add_key(a, key);
	}
	return 0;
}

int authn_new(const struct authn_config *c, struct authn **ret, struct err *e)
{
	struct authn *a = xcalloc(1, sizeof(*a));
	*a = (struct authn){.issuers = strv_dup(c->issuers),
			    .audiences = json_texts(c->audiences ? c->audiences : c->issuers),
			    .remembered = map_new(known_free),
			    .bootstrap_tokens = c->bootstrap_tokens,
			    .anonymous = c->anonymous,
			    .proxy_names = strv_dup(c->proxy_names),
			    .proxy_users = strv_dup(c->proxy_user_headers),
			    .proxy_uids = strv_dup(c->proxy_uid_headers),
			    .proxy_groups = strv_dup(c->proxy_group_headers),
			    .proxy_extras = strv_dup(c->proxy_extra_prefixes),
			    .objects = c->objects};
	int r = load_keys(a, c, e);
	if (r == 0 && c->token_file)
		r = token_file_load(c->token_file, &a->token_users, e);
	if (r < 0) {
		authn_free(a);
		return r;
	}
	*ret = a;
	return 0;
}

void authn_free(struct authn *a)
{
	if (!a)
		return;
	for (size_t i = 0; i < a->n_keys; i++)
		jwt_key_free(a->keys[i]);
	free(a->keys);
	free_strv(&a->issuers);
	free_strv(&a->proxy_names);
	free_strv(&a->proxy_users);
	free_strv(&a->proxy_uids);
	free_strv(&a->proxy_groups);
	free_strv(&a->proxy_extras);
	json_decref(a->audiences);
	map_free(a->token_users);
	map_free(a->remembered);
	free(a);
}

const char *authn_issuer(const struct authn *a)
{
	return a->issuers ? a->issuers[0] : "";
}

const json_t *authn_audiences(const struct authn *a)
{
	return a->audiences;
}

const struct jwt_key *authn_signing_key(const struct authn *a)
{
	return a->signing;
}

json_t *authn_jwks(const struct authn *a)
{
	json_t *keys = json_array();
	for (size_t i = 0; i < a->n_keys; i++)
		json_array_append_new(keys, jwt_key_jwk(a->keys[i]));
	return json_pack("{s:o}", "keys", keys);
}

/* --- tokens ------------------------------------------------------------------------------------------------------------- */

static bool holds(const json_t *list, const json_t *text)
{
	json_t *v;
	size_t i;
	json_array_foreach(list, i, v) if (json_equal(v, text)) return true;
	return false;
}

/* Those of a that are in b, owned; NULL: none. */
static json_t *in_both(const json_t *a, const json_t *b)
{
	AUTO_JSON *both = json_array();
	json_t *v;
	size_t i;
	json_array_foreach(a, i, v) if (holds(b, v)) json_array_append(both, v);
	return json_array_size(both) ? TAKE(both) : NULL;
}

/* ["a" "b"] */
static void add_list(struct str *out, const json_t *list)
{
	json_t *v;
	size_t i;
	str_addc(out, '[');
	json_array_foreach(list, i, v)
	{
		str_add(out, i ? " " : "");
		str_add_json(out, json_string_value(v) ? json_string_value(v) : "");
	}
	str_addc(out, ']');
}

/* aud is a text or a list of them (RFC 7519 4.1.3); a token without one is for this API. Owned. */
static json_t *token_audiences(const struct authn *a, const json_t *claims)
{
	json_t *aud = json_object_get(claims, "aud");
	if (json_is_string(aud))
		return json_pack("[O]", aud);
	return json_array_size(aud) ? json_incref(aud) : json_incref(a->audiences);
}

/* -ENOENT: none of ours. */
static int check_account_token(struct authn *a, const char *token, const json_t *wanted, struct auth_user *ret,
			       json_t **ret_audiences, struct err *e)
{
	AUTO_JSON *unchecked = NULL, *claims = NULL;
	if (jwt_read(token, NULL, &unchecked) < 0)
		return -ENOENT;
	const char *issuer = json_str_or(unchecked, "iss", "");
	bool of_secret = !strcmp(issuer, SA_SECRET_ISSUER);
	if (!of_secret && !strv_has(a->issuers, issuer))
		return -ENOENT;
	int r = jwt_verify(a->keys, a->n_keys, token, &claims, NULL);
	if (r == -EINVAL)
		return -ENOENT;
	if (r < 0)
		return err_set(e, r, "go-jose/go-jose: error in cryptographic primitive");
	AUTO_JSON *own = token_audiences(a, claims), *both = in_both(own, wanted);
	if (!both) {
		AUTO_STR text = STR_INIT;
		str_add(&text, "token audiences ");
		add_list(&text, own);
		str_add(&text, " is invalid for the target audiences ");
		add_list(&text, wanted);
		return err_set(e, -EACCES, "%s", str_text(&text));
	}
	r = of_secret ? sa_secret_claims_check(claims, token, &a->objects, ret, e)
		      : sa_claims_check(claims, &a->objects, clock_wall_ms() / 1000, ret, e);
	if (r == 0)
		*ret_audiences = TAKE(both);
	return r;
}

/* Tokens that know no audience are for this API. */
static int check_other_token(struct authn *a, const char *token, const json_t *wanted, struct auth_user *ret,
			     json_t **ret_audiences)
{
	const struct auth_user *known = a->token_users ? map_get(a->token_users, token) : NULL;
	AUTO_JSON *both = in_both(a->audiences, wanted);
	if (!both)
		return -ENOENT;
	if (known)
		auth_user_copy(ret, known);
	else if (!a->bootstrap_tokens || bootstrap_token_check(token, &a->objects, clock_wall_ms() / 1000, ret) < 0)
		return -ENOENT;
	*ret_audiences = TAKE(both);
	return 0;
}

static void remember(struct authn *a, const char *key, const struct auth_user *user, json_t *audiences)
{
	struct known *k = xcalloc(1, sizeof(*k));
	k->until_ms = clock_mono_ms() + REMEMBER_MS;
	k->audiences = json_incref(audiences);
	auth_user_copy(&k->user, user);
	if (map_len(a->remembered) >= REMEMBERED_MAX)
		map_clear(a->remembered);
	map_set(a->remembered, key, k);
}

static bool recall(struct authn *a, const char *key, struct auth_user *ret, json_t **ret_audiences)
{
	const struct known *k = map_get(a->remembered, key);
	if (!k)
		return false;
	if (clock_mono_ms() >= k->until_ms) {
		map_remove(a->remembered, key);
		return false;
	}
	auth_user_copy(ret, &k->user);
	*ret_audiences = json_incref(k->audiences);
	return true;
}

int authn_token(struct authn *a, const char *token, const json_t *audiences, struct auth_user *ret, json_t **ret_audiences,
		struct err *e)
{
	struct err why = ERR_INIT;
	AUTO_JSON *both = NULL;
	AUTO_STR key = STR_INIT;
	if (strnlen(token, JWT_MAX + 1) > JWT_MAX)
		return err_set(e, -EACCES, INVALID);
	const json_t *wanted = json_array_size(audiences) ? audiences : a->audiences;
	add_list(&key, wanted);
	str_add(&key, token);
	if (recall(a, str_text(&key), ret, ret_audiences))
		return 0;
	int r = check_account_token(a, token, wanted, ret, &both, &why);
	if (r < 0 && check_other_token(a, token, wanted, ret, &both) == 0)
		r = 0;
	if (r < 0)
		return why.code ? err_set(e, -EACCES, "[" INVALID ", %s]", err_text(&why)) : err_set(e, -EACCES, INVALID);
	remember(a, str_text(&key), ret, both);
	*ret_audiences = TAKE(both);
	return 0;
}

/* --- requests ----------------------------------------------------------------------------------------------------------- */

static const char *first_header(const struct http_exchange *x, char *const *names)
{
	for (; names && *names; names++) {
		const char *v = http_header_get(x, *names);
		if (!str_empty(v))
			return v;
	}
	return NULL;
}

static void add_proxy_groups(const struct authn *a, const struct http_exchange *x, char ***groups)
{
	size_t n;
	const struct http_header *h = http_headers(x, &n);
	for (char *const *name = a->proxy_groups; name && *name; name++)
		for (size_t i = 0; i < n; i++)
			if (!strcasecmp(h[i].name, *name))
				strv_add(groups, h[i].value);
}

static void add_proxy_extra(const struct authn *a, const struct http_exchange *x, struct auth_user *u)
{
	size_t n;
	const struct http_header *h = http_headers(x, &n);
	for (char *const *prefix = a->proxy_extras; prefix && *prefix; prefix++)
		for (size_t i = 0; i < n; i++) {
			size_t len = strlen(*prefix);
			if (strncasecmp(h[i].name, *prefix, len))
				continue;
			AUTO_FREE char *key = auth_extra_key(h[i].name + len);
			auth_user_add_extra(u, key, h[i].value);
		}
}

/* Whether a trusted proxy named the user. */
static bool proxy_user(const struct authn *a, const struct http_exchange *x, struct auth_user *ret)
{
	const char *name = first_header(x, a->proxy_users), *uid = first_header(x, a->proxy_uids);
	AUTO_STRV char **groups = NULL;
	if (!http_peer_is_proxy(x) || !name)
		return false;
	if (strv_len(a->proxy_names) && !strv_has(a->proxy_names, http_peer_common_name(x)))
		return false;
	add_proxy_groups(a, x, &groups);
	auth_user_set(ret, name, groups);
	if (uid)
		auth_user_set_uid(ret, uid);
	add_proxy_extra(a, x, ret);
	return true;
}

static bool certificate_user(const struct http_exchange *x, struct auth_user *ret)
{
	const char *cn = http_peer_common_name(x);
	if (str_empty(cn) || !http_peer_is_client(x))
		return false;
	AUTO_FREE char *id = xasprintf("X509SHA256=%s", http_peer_fingerprint(x));
	auth_user_set(ret, cn, http_peer_organizations(x));
	auth_user_add_extra(ret, AUTH_CREDENTIAL_ID, id);
	return true;
}

/* The bearer token of a request, from its header or, for browsers' WebSockets, among its subprotocols. Owned or NULL. */
static char *bearer_token(const struct http_exchange *x)
{
	const char *h = http_header_get(x, "authorization"), *p = http_header_get(x, "sec-websocket-protocol");
	if (h && !strncasecmp(h, "Bearer ", 7)) {
		const char *token = h + 7 + strspn(h + 7, " ");
		return *token ? xstrndup(token, strcspn(token, " ")) : NULL;
	}
	p = p ? strstr(p, WS_BEARER) : NULL;
	if (!p)
		return NULL;
	AUTO_STR text = STR_INIT;
	p += strlen(WS_BEARER);
	bool ok = base64url_decode(&text, p, strcspn(p, ", ")) == 0 && text.len && strlen(str_text(&text)) == text.len;
	return ok ? str_take(&text) : NULL;
}

int authn_request(struct authn *a, const struct http_exchange *x, struct auth_user *ret)
{
	AUTO_FREE char *token = NULL;
	AUTO_JSON *audiences = NULL;
	if (proxy_user(a, x, ret) || certificate_user(x, ret))
		return 0;
	token = bearer_token(x);
	if (token)
		return authn_token(a, token, NULL, ret, &audiences, NULL);
	if (!a->anonymous || http_peer_is_stranger(x)) /* a proxy that names nobody, too */
		return -EACCES;
	auth_user_set_anonymous(ret);
	return 0;
}
