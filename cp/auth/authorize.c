/* The authoriser. Purpose: one answer of several authorities; the first that allows decides. Happy path: masters and calls
 * from within the server may everything, health is open to all, a node is asked about by its own rules, then roles and
 * bindings decide. Nothing fails. A node has its rules beside what roles give it, never less than others. */
#include "cp/auth/authorize.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cp/auth/node_authorize.h"
#include "cp/auth/rbac.h"

#define NODES "system:nodes"
#define MASTERS "system:masters"
#define INTERNAL "system:cluster-internal" /* calls from within the server: resources only */

const char *auth_node_name(const struct auth_user *u)
{
	static const char prefix[] = "system:node:";
	if (!str_has_prefix(u->name, prefix) || !auth_user_in(u, NODES))
		return NULL;
	return u->name + sizeof(prefix) - 1;
}

/* Whether something lives is told to everybody who gets this far. */
static bool is_health(const struct auth_user *u, const struct auth_attributes *a)
{
	static const char *const open[] = { "/healthz", "/livez", "/readyz", NULL };
	return a->path && strcmp(a->verb, "get") == 0 && strv_has((char *const *)open, a->path) &&
	       (auth_user_in(u, AUTH_UNAUTHENTICATED) || auth_user_in(u, AUTH_AUTHENTICATED));
}

bool auth_authorize(const struct auth_env *env, const struct auth_user *u, const struct auth_attributes *a,
		    struct str *reason)
{
	if (auth_user_in(u, MASTERS) || (!a->path && auth_user_in(u, INTERNAL)))
		return true;
	const char *node = auth_node_name(u);
	AUTO_STR refusal = STR_INIT, by_role = STR_INIT;
	if (env && node && node_authorize(env, node, a, reason ? &refusal : NULL))
		return true;
	bool allowed = env && env->rbac && rbac_allows(env->rbac, u, a, reason ? &by_role : NULL);
	if (!allowed && is_health(u, a))
		return true;
	if (reason && !allowed && refusal.len)
		str_addf(reason, "%s%s", str_text(&refusal), by_role.len ? "\n" : "");
	if (reason)
		str_add(reason, str_text(&by_role));
	return allowed;
}

bool auth_path_fits(const json_t *urls, const char *path)
{
	json_t *v;
	size_t i;
	json_array_foreach(urls, i, v)
	{
		const char *url = json_string_value(v) ? json_string_value(v) : "";
		size_t n = strlen(url);
		if (!strcmp(url, path) || (n && url[n - 1] == '*' && !strncmp(url, path, n - 1)))
			return true;
	}
	return false;
}
