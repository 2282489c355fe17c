/* Tokens of service accounts. Purpose: what a token says, and when it stops being true. Happy path: the account and what
 * the token is bound to are there with the same uid, and now is between nbf and exp. Fails with -EACCES and the reason.
 * Of an object that is being deleted tokens hold for a minute more. */
#include "cp/auth/service_account.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/rand.h"
#include "base/str.h"

#define PREFIX "system:serviceaccount:"
#define ALL_ACCOUNTS "system:serviceaccounts"
#define EXTRA "authentication.kubernetes.io/"
#define GONE "service account token has been invalidated"

enum { LEEWAY_S = 60 };

char *sa_user_name(const char *ns, const char *name)
{
	return xasprintf(PREFIX "%s:%s", ns, name);
}

bool sa_split_user_name(const char *user, char **ret_ns, char **ret_name)
{
	if (!str_has_prefix(user, PREFIX))
		return false;
	const char *ns = user + strlen(PREFIX), *colon = strchr(ns, ':');
	if (!colon || colon == ns || !colon[1] || strchr(colon + 1, ':'))
		return false;
	*ret_ns = xstrndup(ns, (size_t)(colon - ns));
	*ret_name = xstrdup(colon + 1);
	return true;
}

char **sa_groups(const char *ns)
{
	char **groups = NULL;
	AUTO_FREE char *own = xasprintf(ALL_ACCOUNTS ":%s", ns);
	strv_add(&groups, ALL_ACCOUNTS);
	strv_add(&groups, own);
	return groups;
}

static void add_ref(json_t *private, const char *member, const struct sa_ref *ref)
{
	if (!ref->name)
		return;
	json_t *o = json_pack("{s:s}", "name", ref->name);
	if (!str_empty(ref->uid))
		json_object_set_new(o, "uid", json_string(ref->uid));
	json_object_set_new(private, member, o);
}

json_t *sa_claims(const struct sa_token *t)
{
	char jti[37];
	AUTO_FREE char *subject = sa_user_name(t->ns, t->account.name);
	json_t *private = json_pack("{s:s}", "namespace", t->ns);
	add_ref(private, "serviceaccount", &t->account);
	add_ref(private, "pod", &t->pod);
	add_ref(private, "secret", &t->secret);
	add_ref(private, "node", &t->node);
	if (t->warn_after_s)
		json_object_set_new(private, "warnafter", json_integer(t->now_s + t->warn_after_s));
	return json_pack("{s:s, s:s, s:O, s:I, s:I, s:I, s:s, s:o}", "iss", t->issuer, "sub", subject, "aud", t->audiences, "exp",
			 (json_int_t)(t->now_s + t->seconds), "iat", (json_int_t)t->now_s, "nbf", (json_int_t)t->now_s, "jti",
			 rand_uuid(jti), "kubernetes.io", private);
}

/* The claims of a secret's token, in their names of old. */
static const char *const secret_claims[] = {"kubernetes.io/serviceaccount/namespace", "kubernetes.io/serviceaccount/secret.name",
					    "kubernetes.io/serviceaccount/service-account.name",
					    "kubernetes.io/serviceaccount/service-account.uid"};
enum { CLAIM_NS, CLAIM_SECRET, CLAIM_ACCOUNT, CLAIM_UID };

json_t *sa_secret_claims(const char *ns, const char *account, const char *uid, const char *secret)
{
	const char *const values[] = {ns, secret, account, uid};
	AUTO_FREE char *subject = sa_user_name(ns, account);
	json_t *claims = json_pack("{s:s, s:s}", "iss", SA_SECRET_ISSUER, "sub", subject);
	for (size_t i = 0; i < ARRAY_LEN(secret_claims); i++)
		json_object_set_new(claims, secret_claims[i], json_string(values[i]));
	return claims;
}

/* --- checking ----------------------------------------------------------------------------------------------------------- */

static bool is_deleted(const json_t *object, int64_t now_s)
{
	const char *at = json_str_at(object, "metadata.deletionTimestamp");
	int64_t us;
	return at && rfc3339_parse(at, &us) == 0 && us / 1000000 < now_s - LEEWAY_S;
}

static int64_t number(const json_t *claims, const char *member, int64_t otherwise)
{
	const json_t *v = json_object_get(claims, member);
	return json_is_number(v) ? (int64_t)json_number_value(v) : otherwise;
}

static int check_times(const json_t *claims, int64_t now_s, struct err *e)
{
	if (now_s > number(claims, "exp", 0) + LEEWAY_S)
		return err_set(e, -EACCES, "service account token has expired");
	if (now_s + LEEWAY_S < number(claims, "nbf", 0))
		return err_set(e, -EACCES, "service account token is not valid yet");
	if (now_s + LEEWAY_S < number(claims, "iat", 0))
		return err_set(e, -EACCES, "service account token is issued in the future");
	return 0;
}

/* Where a check of one claim's object stands. */
struct check {
	const json_t *private;
	const struct auth_objects *objects;
	const char *ns;
	int64_t now_s;
};

static int check_account(const struct check *c, const char *name, const char *uid, struct err *e)
{
	AUTO_JSON *account = c->objects->get(c->objects->arg, "serviceaccounts", c->ns, name);
	if (!account)
		return err_set(e, -EACCES, "serviceaccounts \"%s\" not found", name);
	if (is_deleted(account, c->now_s))
		return err_set(e, -EACCES, "service account %s/%s has been deleted", c->ns, name);
	const char *now = json_str_or(account, "metadata.uid", "");
	return strcmp(now, uid) ? err_set(e, -EACCES, "service account UID (%s) does not match claim (%s)", now, uid) : 0;
}

static int check_bound(const struct check *c, const char *member, struct err *e)
{
	const json_t *ref = json_object_get(c->private, member);
	if (!json_is_object(ref))
		return 0;
	AUTO_FREE char *resource = xasprintf("%ss", member);
	const char *uid = json_str_or(ref, "uid", "");
	AUTO_JSON *object =
	    c->objects->get(c->objects->arg, resource, strcmp(member, "node") ? c->ns : "", json_str_or(ref, "name", ""));
	if (!object || is_deleted(object, c->now_s))
		return err_set(e, -EACCES, GONE);
	const char *now = json_str_or(object, "metadata.uid", "");
	if (!strcmp(now, uid))
		return 0;
	return err_set(e, -EACCES, "%s UID (%s) does not match service account %s ref claim (%s)", member, now, member, uid);
}

static void add_extra(struct auth_user *u, const json_t *private, const char *member)
{
	static const char *const parts[] = {"name", "uid"};
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		AUTO_FREE char *key = xasprintf(EXTRA "%s-%s", member, parts[i]);
		const char *value = json_str_or(json_object_get(private, member), parts[i], "");
		if (*value)
			auth_user_add_extra(u, key, value);
	}
}

static void set_user(struct auth_user *u, const json_t *claims, const json_t *private, const char *ns, const char *name,
		     const char *uid)
{
	AUTO_FREE char *user = sa_user_name(ns, name);
	AUTO_STRV char **groups = sa_groups(ns);
	const char *jti = json_str_or(claims, "jti", "");
	auth_user_set(u, user, groups);
	auth_user_set_uid(u, uid);
	if (*jti) {
		AUTO_FREE char *id = xasprintf("JTI=%s", jti);
		auth_user_add_extra(u, AUTH_CREDENTIAL_ID, id);
	}
	add_extra(u, private, "pod");
	add_extra(u, private, "node");
}

int sa_claims_check(const json_t *claims, const struct auth_objects *objects, int64_t now_s, struct auth_user *ret, struct err *e)
{
	const json_t *private = json_object_get(claims, "kubernetes.io"), *account = json_object_get(private, "serviceaccount");
	struct check c = {private, objects, json_str_or(private, "namespace", ""), now_s};
	const char *name = json_str_or(account, "name", ""), *uid = json_str_or(account, "uid", "");
	AUTO_FREE char *subject = sa_user_name(c.ns, name);
	int r = check_times(claims, now_s, e);
	if (r == 0 && strcmp(json_str_or(claims, "sub", ""), subject))
		r = err_set(e, -EACCES, "service account token claims could not be validated due to unexpected private claim");
	if (r == 0)
		r = check_account(&c, name, uid, e);
	if (r == 0)
		r = check_bound(&c, "secret", e);
	if (r == 0)
		r = check_bound(&c, "pod", e);
	/* The node of a pod's token is only told: the pod is what it is bound to. */
	if (r == 0 && !json_object_get(private, "pod"))
		r = check_bound(&c, "node", e);
	if (r == 0)
		set_user(ret, claims, private, c.ns, name, uid);
	return r;
}

static int check_secret(const struct auth_objects *objects, const char *ns, const char *name, const char *token, struct err *e)
{
	AUTO_JSON *secret = objects->get(objects->arg, "secrets", ns, name);
	const char *kept = json_member(json_object_get(secret, "data"), "token");
	AUTO_STR text = STR_INIT;
	if (!secret || json_at(secret, "metadata.deletionTimestamp"))
		return err_set(e, -EACCES, "Token has been invalidated");
	if (!kept || base64_decode(&text, kept, strlen(kept)) < 0 || text.len != strlen(token) ||
	    CRYPTO_memcmp(text.p, token, text.len) != 0)
		return err_set(e, -EACCES, "Token does not match server's copy");
	return 0;
}

int sa_secret_claims_check(const json_t *claims, const char *token, const struct auth_objects *objects, struct auth_user *ret,
			   struct err *e)
{
	static const char *const words[] = {"namespace", "secretName", "serviceAccountName", "serviceAccountUID"};
	const char *v[ARRAY_LEN(secret_claims)];
	for (size_t i = 0; i < ARRAY_LEN(secret_claims); i++) {
		v[i] = json_member(claims, secret_claims[i]);
		if (str_empty(v[i]))
			return err_set(e, -EACCES, "%s claim is missing", words[i]);
	}
	AUTO_FREE char *subject = sa_user_name(v[CLAIM_NS], v[CLAIM_ACCOUNT]);
	if (strcmp(json_str_or(claims, "sub", ""), subject))
		return err_set(e, -EACCES, "sub claim is invalid");
	int r = check_secret(objects, v[CLAIM_NS], v[CLAIM_SECRET], token, e);
	if (r < 0)
		return r;
	AUTO_JSON *account = objects->get(objects->arg, "serviceaccounts", v[CLAIM_NS], v[CLAIM_ACCOUNT]);
	const char *uid = json_str_or(account, "metadata.uid", "");
	if (!account)
		return err_set(e, -EACCES, "serviceaccounts \"%s\" not found", v[CLAIM_ACCOUNT]);
	if (json_at(account, "metadata.deletionTimestamp"))
		return err_set(e, -EACCES, "ServiceAccount %s/%s has been deleted", v[CLAIM_NS], v[CLAIM_ACCOUNT]);
	if (strcmp(uid, v[CLAIM_UID]))
		return err_set(e, -EACCES, "ServiceAccount UID (%s) does not match claim (%s)", uid, v[CLAIM_UID]);
	set_user(ret, claims, NULL, v[CLAIM_NS], v[CLAIM_ACCOUNT], v[CLAIM_UID]);
	return 0;
}
