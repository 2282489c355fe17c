/* Bootstrap tokens. Happy path: the secret named by the id has the type, holds the same token, is not over and may be used
 * to authenticate. Every failure looks the same to the caller. Texts are compared in constant time. */
#include "cp/auth/bootstrap_token.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"

#define TYPE "bootstrap.kubernetes.io/token"
#define GROUP "system:bootstrappers"

enum { ID_LEN = 6, SECRET_LEN = 16, GROUP_MAX = 256 };

static bool has_form(const char *token)
{
	static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz0123456789";
	size_t id = strspn(token, alphabet);
	return id == ID_LEN && token[id] == '.' && strspn(token + id + 1, alphabet) == SECRET_LEN &&
	       !token[id + 1 + SECRET_LEN];
}

/* The text of a secret's key, "" without it. */
static char *data(const json_t *secret, const char *key)
{
	struct str out = STR_INIT;
	const char *text = json_member(json_object_get(secret, "data"), key);
	if (text && base64_decode(&out, text, strlen(text)) < 0)
		str_reset(&out);
	return str_take(&out);
}

static bool same(const char *a, const char *b)
{
	size_t n = strlen(a);
	return n == strlen(b) && CRYPTO_memcmp(a, b, n) == 0;
}

static bool is_over(const json_t *secret, int64_t now_s)
{
	AUTO_FREE char *expiration = data(secret, "expiration");
	int64_t us;
	return *expiration && (rfc3339_parse(expiration, &us) < 0 || us / 1000000 < now_s);
}

static bool group_fits(const char *group)
{
	static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz0123456789:-";
	size_t n = strlen(group);
	const char *rest = group + strlen(GROUP ":");
	return str_has_prefix(group, GROUP ":") && *rest && n < GROUP_MAX && !rest[strspn(rest, alphabet)] &&
	       group[n - 1] != ':' && group[n - 1] != '-';
}

static int set_user(const json_t *secret, const char *id, struct auth_user *ret)
{
	AUTO_FREE char *list = data(secret, "auth-extra-groups"), *name = xasprintf("system:bootstrap:%s", id);
	AUTO_STRV char **extra = str_split(list, ','), **groups = NULL;
	strv_add(&groups, GROUP);
	for (char **g = extra; g && *g; g++) {
		if (!group_fits(*g))
			return -EACCES;
		if (!strv_has(groups, *g))
			strv_add(&groups, *g);
	}
	auth_user_set(ret, name, groups);
	return 0;
}

int bootstrap_token_check(const char *token, const struct auth_objects *objects, int64_t now_s, struct auth_user *ret)
{
	if (!has_form(token))
		return -ENOENT;
	AUTO_FREE char *id = xstrndup(token, ID_LEN), *name = xasprintf("bootstrap-token-%s", id);
	AUTO_JSON *secret = objects->get(objects->arg, "secrets", "kube-system", name);
	AUTO_FREE char *own_id = data(secret, "token-id"), *own_secret = data(secret, "token-secret"),
		       *usage = data(secret, "usage-bootstrap-authentication");
	bool usable = secret && !json_at(secret, "metadata.deletionTimestamp") &&
		      !strcmp(json_str_or(secret, "type", ""), TYPE) && same(own_id, id) &&
		      same(own_secret, token + ID_LEN + 1) && !strcmp(usage, "true") && !is_over(secret, now_s);
	return usable ? set_user(secret, id, ret) : -EACCES;
}
