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

static bool has(const json_t *list, const char *text)
{
	return json_has_text(list, "*") || json_has_text(list, text);
}

static bool resource_fits(const json_t *resources, const struct auth_attributes *a)
{
	if (str_empty(a->subresource))
		return has(resources, a->resource);
	AUTO_FREE char *full = xasprintf("%s/%s", a->resource, a->subresource), *any = xasprintf("*/%s", a->subresource);
	return has(resources, full) || has(resources, any);
}

static bool rule_allows(const json_t *rule, const struct auth_attributes *a)
{
	const json_t *names = json_object_get(rule, "resourceNames");
	if (!has(json_object_get(rule, "verbs"), a->verb))
		return false;
	if (a->path)
		return auth_path_fits(json_object_get(rule, "nonResourceURLs"), a->path);
	if (!has(json_object_get(rule, "apiGroups"), a->group) || !resource_fits(json_object_get(rule, "resources"), a))
		return false;
	return !json_array_size(names) || json_has_text(names, a->name);
}

bool rbac_rules_allow(const json_t *rules, const struct auth_attributes *a)
{
	json_t *rule;
	size_t i;
	json_array_foreach(rules, i, rule) if (rule_allows(rule, a)) return true;
	return false;
}

/* The subject of a binding that holds a user by this key; never NULL for bindings found by it. */
static const json_t *subject_of(const struct binding *b, const char *key)
{
	json_t *subject;
	size_t i;
	json_array_foreach(b->subjects, i, subject)
	{
		AUTO_FREE char *own = subject_key(subject, b->ns);
		if (!strcmp(own, key))
			return subject;
	}
	return NULL;
}

static void describe(const struct binding *b, const char *key, struct str *out)
{
	const json_t *s = subject_of(b, key);
	const char *kind = json_str_or(s, "kind", ""), *of = json_str_or(s, "namespace", "");
	str_addf(out, "RBAC: allowed by %s \"%s%s%s\" of %s \"%s\" to %s \"%s", *b->ns ? "RoleBinding" : "ClusterRoleBinding",
		 b->name, *b->ns ? "/" : "", b->ns, b->role_kind, b->role_name, kind, json_str_or(s, "name", ""));
	if (!strcmp(kind, "ServiceAccount"))
		str_addf(out, "/%s", *of ? of : b->ns);
	str_addc(out, '"');
}

/* The user's keys: the name, then the groups. */
static char *user_key(const struct auth_user *u, size_t i)
{
	if (!i)
		return xasprintf("U %s", u->name);
	return u->groups && i <= strv_len(u->groups) ? xasprintf("G %s", u->groups[i - 1]) : NULL;
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
				describe(b, key, reason);
			return true;
		}
	}
	return false;
}

bool rbac_allows(const struct rbac *r, const struct auth_user *u, const struct auth_attributes *a, struct str *reason)
{
	return allowed_in(r, u, a, "", reason) || (!a->path && !str_empty(a->ns) && allowed_in(r, u, a, a->ns, reason));
}

json_t *rbac_rules_of(const struct rbac *r, const struct auth_user *u, const char *ns)
{
	json_t *all = json_array();
	char *key;
	for (size_t i = 0; (key = user_key(u, i)); i++) {
		AUTO_FREE char *own = key;
		const struct bindings *l = map_get(r->subjects, key);
		for (size_t k = 0; l && k < l->n; k++) {
			const struct binding *b = l->v[k];
			const json_t *rules = rbac_role_rules(r, b->role_kind, b->ns, b->role_name);
			if (rules && (!*b->ns || !strcmp(b->ns, ns)))
				json_array_extend(all, (json_t *)rules);
		}
	}
	return all;
}

/* --- covering ---------------------------------------------------------------------------------------------------------- */

static json_t *one(const char *text)
{
	return json_pack("[s]", text);
}

/* A rule about one verb, group, resource and name, or one verb and path. */
static void add_single(json_t *out, const char *verb, const char *group, const char *resource, const char *name, const char *url)
{
	json_t *rule = json_object();
	json_object_set_new(rule, "verbs", one(verb));
	if (url) {
		json_object_set_new(rule, "nonResourceURLs", one(url));
	} else {
		json_object_set_new(rule, "apiGroups", one(group));
		json_object_set_new(rule, "resources", one(resource));
		if (name)
			json_object_set_new(rule, "resourceNames", one(name));
	}
	json_array_append_new(out, rule);
}

static void split_resources(json_t *out, const json_t *rule, const char *verb)
{
	const json_t *names = json_object_get(rule, "resourceNames");
	json_t *group, *resource, *name;
	size_t g, r, n;
	json_array_foreach(json_object_get(rule, "apiGroups"), g, group)
	    json_array_foreach(json_object_get(rule, "resources"), r, resource)
	{
		json_array_foreach(names, n, name)
		    add_single(out, verb, json_string_value(group), json_string_value(resource), json_string_value(name), NULL);
		if (!json_array_size(names))
			add_single(out, verb, json_string_value(group), json_string_value(resource), NULL, NULL);
	}
}

static json_t *split(const json_t *rule)
{
	json_t *out = json_array(), *verb, *url;
	size_t v, i;
	json_array_foreach(json_object_get(rule, "verbs"), v, verb)
	{
		split_resources(out, rule, json_string_value(verb));
		json_array_foreach(json_object_get(rule, "nonResourceURLs"), i, url)
		    add_single(out, json_string_value(verb), NULL, NULL, NULL, json_string_value(url));
	}
	return out;
}

static const char *first(const json_t *rule, const char *member)
{
	const char *text = json_string_value(json_array_get(json_object_get(rule, member), 0));
	return text ? text : "";
}

static bool covers(const json_t *owned, const json_t *single)
{
	const char *resource = first(single, "resources"), *slash = strchr(resource, '/');
	AUTO_FREE char *main = xstrndup(resource, strcspn(resource, "/"));
	struct auth_attributes a = {.verb = first(single, "verbs"),
				    .group = first(single, "apiGroups"),
				    .resource = main,
				    .subresource = slash ? slash + 1 : "",
				    .ns = "",
				    .name = first(single, "resourceNames")};
	if (json_object_get(single, "nonResourceURLs"))
		a.path = first(single, "nonResourceURLs");
	return rbac_rules_allow(owned, &a);
}

json_t *rbac_missing_rules(const json_t *owned, const json_t *wanted)
{
	AUTO_JSON *missing = json_array();
	json_t *rule, *single;
	size_t i, k;
	json_array_foreach(wanted, i, rule)
	{
		AUTO_JSON *singles = split(rule);
		json_array_foreach(singles, k, single) if (!covers(owned, single)) json_array_append(missing, single);
	}
	return json_array_size(missing) ? TAKE(missing) : NULL;
}

void rbac_rule_text(struct str *out, const json_t *rule)
{
	static const char *const members[][2] = {{"nonResourceURLs", "NonResourceURLs"},
						 {"apiGroups", "APIGroups"},
						 {"resources", "Resources"},
						 {"resourceNames", "ResourceNames"},
						 {"verbs", "Verbs"}};
	const char *before = "";
	json_t *v;
	size_t k;
	str_addc(out, '{');
	for (size_t i = 0; i < ARRAY_LEN(members); i++) {
		const json_t *list = json_object_get(rule, members[i][0]);
		if (!json_array_size(list))
			continue;
		str_addf(out, "%s%s:[", before, members[i][1]);
		json_array_foreach(list, k, v)
		{
			str_add(out, k ? " " : "");
			str_add_json(out, json_string_value(v));
		}
		str_addc(out, ']');
		before = ", ";
	}
	str_addc(out, '}');
}
