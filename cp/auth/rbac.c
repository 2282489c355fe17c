/* The index of roles and bindings.
 *
 * A binding hangs at each of its subjects ("U name", "G group"; a service account is the user of that name); a question
 * walks the bindings of the user and of the user's groups. Nothing fails: what does not fit its schema grants nothing. */
#include "cp/auth/rbac.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/map.h"
#include "base/mem.h"
#include "cp/auth/rbac_rules.h"

const char *const rbac_plurals[RBAC_KINDS] = {"roles", "clusterroles", "rolebindings", "clusterrolebindings"};

struct binding {
	char *ns, *name;
	char *role_kind, *role_name;
	json_t *subjects; /* owned reference */
};

/* The bindings of one subject. */
struct bindings {
	struct binding **v;
	size_t n;
};

struct rbac {
	struct map *roles;    /* "ns/name", "/name" -> json_t *: the rules */
	struct map *bindings; /* "ns/name", "/name" -> struct binding * */
	struct map *subjects; /* "U name", "G name" -> struct bindings * */
};

static void binding_free(void *p)
{
	struct binding *b = p;
	free(b->ns);
	free(b->name);
	free(b->role_kind);
	free(b->role_name);
	json_decref(b->subjects);
	free(b);
}

static void bindings_free(void *p)
{
	struct bindings *l = p;
	free(l->v);
	free(l);
}

static void rules_free(void *p)
{
	json_decref(p);
}

struct rbac *rbac_new(void)
{
	struct rbac *r = xcalloc(1, sizeof(*r));
	r->roles = map_new(rules_free);
	r->bindings = map_new(binding_free);
	r->subjects = map_new(bindings_free);
	return r;
}

void rbac_free(struct rbac *r)
{
	if (!r)
		return;
	map_free(r->subjects);
	map_free(r->bindings);
	map_free(r->roles);
	free(r);
}

/* --- keeping ---------------------------------------------------------------------------------------------------------- */

static char *subject_key(const json_t *subject, const char *ns)
{
	const char *kind = json_str_or(subject, "kind", ""), *name = json_str_or(subject, "name", "");
	const char *of = json_str_or(subject, "namespace", "");
	if (!strcmp(kind, "User"))
		return xasprintf("U %s", name);
	if (!strcmp(kind, "Group"))
		return xasprintf("G %s", name);
	return xasprintf("U system:serviceaccount:%s:%s", *of ? of : ns, name);
}

static void hang(struct rbac *r, struct binding *b, bool on)
{
	json_t *subject;
	size_t i;
	json_array_foreach(b->subjects, i, subject)
	{
		AUTO_FREE char *key = subject_key(subject, b->ns);
		struct bindings *l = map_get(r->subjects, key);
		if (!l) {
			l = xcalloc(1, sizeof(*l));
			map_set(r->subjects, key, l);
		}
		for (size_t k = l->n; k-- > 0;)
			if (l->v[k] == b)
				l->v[k] = l->v[--l->n];
		if (!on)
			continue;
		l->v = xreallocarray(l->v, l->n + 1, sizeof(struct binding *));
		l->v[l->n++] = b;
	}
}

static void set_binding(struct rbac *r, const char *key, const char *ns, const char *name, const json_t *object)
{
	struct binding *old = map_get(r->bindings, key), *b;
	if (old)
		hang(r, old, false);
	map_remove(r->bindings, key);
	if (!object)
		return;
	b = xcalloc(1, sizeof(*b));
	*b = (struct binding){.ns = xstrdup(ns),
			      .name = xstrdup(name),
			      .role_kind = xstrdup(json_str_or(object, "roleRef.kind", "")),
			      .role_name = xstrdup(json_str_or(object, "roleRef.name", "")),
			      .subjects = json_incref(json_object_get(object, "subjects"))};
	map_set(r->bindings, key, b);
	hang(r, b, true);
}

void rbac_set(struct rbac *r, enum rbac_kind kind, const char *ns, const char *name, const json_t *object)
{
	AUTO_FREE char *key = xasprintf("%s/%s", ns, name);
	if (kind == RBAC_ROLE_BINDING || kind == RBAC_CLUSTER_ROLE_BINDING) {
		set_binding(r, key, ns, name, object);
		return;
	}
	json_t *rules = json_object_get(object, "rules");
	if (object)
		map_set(r->roles, key, json_is_array(rules) ? json_incref(rules) : json_array());
	else
		map_remove(r->roles, key);
}

const json_t *rbac_role_rules(const struct rbac *r, const char *kind, const char *ns, const char *name)
{
	AUTO_FREE char *key = xasprintf("%s/%s", strcmp(kind, "Role") ? "" : ns, name);
	return map_get(r->roles, key);
}

/* --- asking ----------------------------------------------------------------------------------------------------------- */

/* The user's keys: the name, then the groups. */
static char *user_key(const struct auth_user *u, size_t i)
{
	if (!i)
		return xasprintf("U %s", u->name);
	return u->groups && i <= strv_len(u->groups) ? xasprintf("G %s", u->groups[i - 1]) : NULL;
}

static bool is_key_of(const struct auth_user *u, const char *subject)
{
	char *key;
	for (size_t i = 0; (key = user_key(u, i)); i++) {
		AUTO_FREE char *own = key;
		if (!strcmp(own, subject))
			return true;
	}
	return false;
}

/* The first subject of a binding that is the user; never NULL for bindings found by one of her keys. */
static const json_t *subject_of(const struct binding *b, const struct auth_user *u)
{
	json_t *subject;
	size_t i;
	json_array_foreach(b->subjects, i, subject)
	{
		AUTO_FREE char *key = subject_key(subject, b->ns);
		if (is_key_of(u, key))
			return subject;
	}
	return NULL;
}

static void describe(const struct binding *b, const struct auth_user *u, struct str *out)
{
	const json_t *s = subject_of(b, u);
	const char *kind = json_str_or(s, "kind", ""), *of = json_str_or(s, "namespace", "");
	str_addf(out, "RBAC: allowed by %s \"%s%s%s\" of %s \"%s\" to %s \"%s", *b->ns ? "RoleBinding" : "ClusterRoleBinding",
		 b->name, *b->ns ? "/" : "", b->ns, b->role_kind, b->role_name, kind, json_str_or(s, "name", ""));
	if (!strcmp(kind, "ServiceAccount"))
		str_addf(out, "/%s", *of ? of : b->ns);
	str_addc(out, '"');
}

static bool allowed_in(const struct rbac *r, const struct auth_user *u, const struct auth_attributes *a, const char *ns,
		       struct str *reason)
{
	char *key;
	for (size_t i = 0; (key = user_key(u, i)); i++) {
		AUTO_FREE char *own = key;
		const struct bindings *l = map_get(r->subjects, key);
		for (size_t k = 0; l && k < l->n; k++) {
			const struct binding *b = l->v[k];
			if (strcmp(b->ns, ns) || !rbac_rules_allow(rbac_role_rules(r, b->role_kind, b->ns, b->role_name), a))
				continue;
			if (reason)
				describe(b, u, reason);
			return true;
		}
	}
	return false;
}

/* Bindings of the cluster, then those of the namespace, each by name. */
static int by_place(const void *a, const void *b)
{
	const struct binding *x = *(struct binding *const *)a, *y = *(struct binding *const *)b;
	int by_scope = (*x->ns != '\0') - (*y->ns != '\0');
	return by_scope ? by_scope : strcmp(x->name, y->name);
}

/* The bindings that hold the user in ns, each once; owned. */
static struct bindings bindings_of(const struct rbac *r, const struct auth_user *u, const char *ns)
{
	struct bindings all = {0};
	char *key;
	for (size_t i = 0; (key = user_key(u, i)); i++) {
		AUTO_FREE char *own = key;
		const struct bindings *l = map_get(r->subjects, key);
		for (size_t k = 0; l && k < l->n; k++) {
			if (*l->v[k]->ns && strcmp(l->v[k]->ns, ns))
				continue;
			all.v = xreallocarray(all.v, all.n + 1, sizeof(struct binding *));
			all.v[all.n++] = l->v[k];
		}
	}
	if (all.n)
		qsort(all.v, all.n, sizeof(struct binding *), by_place);
	size_t n = 0;
	for (size_t i = 0; i < all.n; i++)
		if (!i || all.v[i] != all.v[i - 1])
			all.v[n++] = all.v[i];
	all.n = n;
	return all;
}

json_t *rbac_rules_of(const struct rbac *r, const struct auth_user *u, const char *ns, char ***ret_missing)
{
	json_t *all = json_array();
	struct bindings list = bindings_of(r, u, ns);
	for (size_t i = 0; i < list.n; i++) {
		const struct binding *b = list.v[i];
		const json_t *rules = rbac_role_rules(r, b->role_kind, b->ns, b->role_name);
		if (rules) {
			json_array_extend(all, (json_t *)rules);
			continue;
		}
		AUTO_FREE char *role = xasprintf("%s/%s", strcmp(b->role_kind, "Role") ? "clusterrole" : "role", b->role_name);
		if (!strv_has(*ret_missing, role))
			strv_add(ret_missing, role);
	}
	free(list.v);
	return all;
}

char *rbac_missing_text(char *const *missing, bool plural)
{
	struct str out = STR_INIT;
	size_t n = strv_len(missing);
	str_add(&out, n > 1 ? "[" : "");
	for (size_t i = 0; i < n; i++) {
		int kind = (int)strcspn(missing[i], "/");
		str_addf(&out, "%s%.*s%s.rbac.authorization.k8s.io \"%s\" not found", i ? ", " : "", kind, missing[i],
			 plural ? "s" : "", missing[i] + kind + 1);
	}
	str_add(&out, n > 1 ? "]" : "");
	return str_take(&out);
}

/* Bindings whose roles are not there are told to whoever is refused. */
static void describe_missing(const struct rbac *r, const struct auth_user *u, const struct auth_attributes *a, struct str *reason)
{
	AUTO_STRV char **missing = NULL;
	json_decref(rbac_rules_of(r, u, a->path ? "" : a->ns, &missing));
	if (!missing)
		return;
	AUTO_FREE char *text = rbac_missing_text(missing, false);
	str_addf(reason, "RBAC: %s", text);
}

bool rbac_allows(const struct rbac *r, const struct auth_user *u, const struct auth_attributes *a, struct str *reason)
{
	if (allowed_in(r, u, a, "", reason) || (!a->path && !str_empty(a->ns) && allowed_in(r, u, a, a->ns, reason)))
		return true;
	if (reason)
		describe_missing(r, u, a, reason);
	return false;
}
