/* Bootstrap tokens. Happy path: the secret named by the id has the type, holds the same token, is not over and may be used
 * to authenticate. Every failure looks the same to the caller. Texts are compared in constant time. */
#include "cp/auth/bootstrap_token.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <string.h>

#include "api/bootstrap_secret.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"

#define GROUP "system:bootstrappers"

enum { GROUP_MAX = 256 };

static bool same(const char *a, const char *b)
{
	size_t n = strlen(a);
	return n == strlen(b) && CRYPTO_memcmp(a, b, n) == 0;
}

static bool group_fits(const char *group)
{
	static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz0123456789:-";
	size_t n = strlen(group);
	const char *rest = group + strlen(GROUP ":");
	return str_has_prefix(group, GROUP ":") && *rest && n < GROUP_MAX && !rest[strspn(rest, alphabet)] &&
	       group[n - 1] != ':' && group[n - 1] != '-';
}

static int set_user(const struct bootstrap_secret *s, struct auth_user *ret)
{
	AUTO_FREE char *name = xasprintf("system:bootstrap:%s", s->id);
	AUTO_STRV char **groups = NULL;
	strv_add(&groups, GROUP);
	for (char **g = s->groups; g && *g; g++) {
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
	AUTO_BOOTSTRAP_SECRET s = { 0 };
	if (!bootstrap_token_has_form(token))
		return -ENOENT;
	AUTO_FREE char *id = xstrndup(token, BOOTSTRAP_ID_LEN), *name = xasprintf(BOOTSTRAP_SECRET_PREFIX "%s", id);
	AUTO_JSON *secret = objects->get(objects->arg, "secrets", "kube-system", name);
	bool usable = bootstrap_secret_read(secret, &s) == 0 && !json_at(secret, "metadata.deletionTimestamp") &&
		      same(s.id, id) && same(s.secret, token + BOOTSTRAP_ID_LEN + 1) && s.authentication &&
		      bootstrap_secret_end_ms(&s) / 1000 >= now_s;
	return usable ? set_user(&s, ret) : -EACCES;
}
