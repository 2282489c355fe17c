/* Roles and bindings from the cache into the index, and the guard against granting more than one has. Purpose: RBAC's
 * own rules about RBAC objects. Happy path: the writer has every rule that the write grants, or may escalate or bind.
 * Fails with 403 that lists the rules that are missing. */
#include "cp/api/rbac_source.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "cp/auth/rbac_rules.h"

#define GROUP "rbac.authorization.k8s.io"

struct follower {
	struct rbac_source *source;
	enum rbac_kind kind;
	struct cache_watch *watch;
};

struct rbac_source {
	struct rbac *rbac;
	struct follower followers[RBAC_KINDS];
};

static void take(struct rbac_source *s, enum rbac_kind kind, const struct cobj *o, bool gone)
{
	AUTO_JSON *object = gone ? NULL : cobj_parse(o);
	rbac_set(s->rbac, kind, o->ns, o->name, object);
}

static void on_object(void *arg, struct cobj *o)
{
	struct follower *f = arg;
	take(f->source, f->kind, o, false);
}

static void on_event(void *arg, const struct cache_event *ev)
{
	struct follower *f = arg;
	if (ev->type != CACHE_BOOKMARK)
		take(f->source, f->kind, ev->obj, ev->type == CACHE_DELETED);
}

int rbac_source_new(struct api *a, struct rbac_source **ret, struct err *e)
{
	struct rbac_source *s = xcalloc(1, sizeof(*s));
	int r = 0;
	s->rbac = rbac_new();
	for (int i = 0; r == 0 && i < RBAC_KINDS; i++) {
		struct bucket *b = api_bucket(a, GROUP, rbac_plurals[i]);
		struct follower *f = &s->followers[i];
		*f = (struct follower){.source = s, .kind = (enum rbac_kind)i};
		if (!b)
			continue;
		bucket_list(b, &(struct bucket_query){0}, on_object, f);
		r = bucket_watch(b, UINT64_MAX, NULL, on_event, f, &f->watch, e);
	}
	if (r < 0) {
		rbac_source_free(s);
		return r;
	}
	*ret = s;
	return 0;
}

void rbac_source_free(struct rbac_source *s)
{
	if (!s)
		return;
	for (int i = 0; i < RBAC_KINDS; i++)
		cache_watch_stop(s->followers[i].watch);
	rbac_free(s->rbac);
	free(s);
}

const struct rbac *rbac_source_rbac(const struct rbac_source *s)
{
	return s->rbac;
}

/* --- escalation ---------------------------------------------------------------------------------------------------------- */

static bool may(struct req *q, const char *verb, const char *resource, const char *ns, const char *name)
{
	return api_may(q, &(struct auth_attributes){.verb = verb, .group = GROUP, .resource = resource, .subresource = "", .ns = ns,
						    .name = name});
}

static char *groups_text(const struct auth_user *u)
{
	struct str out = STR_INIT;
	str_addc(&out, '[');
	for (size_t i = 0; i < strv_len(u->groups); i++) {
		str_add(&out, i ? " " : "");
		str_add_json(&out, u->groups[i]);
	}
	str_addc(&out, ']');
	return str_take(&out);
}

/* Why the user may not grant the wanted rules in ns, NULL when she has them all; owned. */
static char *missing_rights(struct req *q, const char *ns, const json_t *wanted)
{
	AUTO_STRV char **roles = NULL;
	AUTO_JSON *owned = rbac_rules_of(rbac_source_rbac(q->api->rbac), &q->user, ns, &roles);
	AUTO_JSON *missing = rbac_rules_missing(owned, wanted);
	struct str out = STR_INIT;
	if (!missing)
		return NULL;
	AUTO_FREE char *groups = groups_text(&q->user), *rules = rbac_rules_text(missing), *unresolved = rbac_missing_text(roles, true);
	str_add(&out, "user ");
	str_add_json(&out, q->user.name);
	str_addf(&out, " (groups=%s) is attempting to grant RBAC permissions not currently held:\n%s", groups, rules);
	if (roles)
		str_addf(&out, "; resolution errors: [%s]", unresolved);
	return str_take(&out);
}

static json_t *check_rules(struct req *q, const struct kind *k, const char *name, const char *ns, const json_t *wanted)
{
	AUTO_FREE char *why = missing_rights(q, ns, wanted);
	return why ? status_forbidden(k->group, k->plural, name, "%s", why) : NULL;
}

static json_t *check_binding(struct req *q, const struct kind *k, const json_t *object, const char *ns, const char *name)
{
	const char *kind = json_str_or(object, "roleRef.kind", ""), *role = json_str_or(object, "roleRef.name", "");
	bool cluster = strcmp(kind, "Role") != 0;
	if (cluster && strcmp(kind, "ClusterRole")) {
		AUTO_STR quoted = STR_INIT;
		str_add_json(&quoted, kind);
		return status_plain_500("unsupported role reference kind: %s", str_text(&quoted));
	}
	if (may(q, "bind", cluster ? "clusterroles" : "roles", ns, role))
		return NULL;
	const json_t *rules = rbac_role_rules(rbac_source_rbac(q->api->rbac), kind, ns, role);
	return rules ? check_rules(q, k, name, ns, rules) : status_not_found(GROUP, cluster ? "clusterroles" : "roles", role);
}

static bool gathers(const json_t *role)
{
	return json_array_size(json_at(role, "aggregationRule.clusterRoleSelectors"));
}

/* What is gathered from other roles may become anything. */
static json_t *check_role(struct req *q, const struct kind *k, const json_t *object, const json_t *old, const char *ns,
			  const char *name)
{
	json_t *status = check_rules(q, k, name, ns, json_object_get(object, "rules"));
	if (status || (!gathers(object) && !gathers(old)))
		return status;
	AUTO_JSON *everything = json_pack("[{s:[s], s:[s], s:[s]}, {s:[s], s:[s]}]", "verbs", "*", "apiGroups", "*", "resources", "*",
					  "verbs", "*", "nonResourceURLs", "*");
	AUTO_FREE char *why = missing_rights(q, ns, everything);
	return why ? status_forbidden(k->group, k->plural, name, "must have cluster-admin privileges to use the aggregationRule")
		   : NULL;
}

/* Whether a write changes nothing but what the garbage collector needs. */
static bool is_for_collector(const json_t *object, const json_t *old)
{
	static const char *const members[] = {"ownerReferences", "finalizers", "managedFields", "selfLink"};
	AUTO_JSON *copy = json_copy((json_t *)object), *meta = json_copy(json_object_get(object, "metadata"));
	const json_t *before = json_object_get(old, "metadata");
	for (size_t i = 0; i < ARRAY_LEN(members); i++) {
		json_t *was = json_object_get(before, members[i]);
		if (was)
			json_object_set(meta, members[i], was);
		else
			json_object_del(meta, members[i]);
	}
	json_object_set(copy, "metadata", meta);
	return json_equal(copy, old);
}

json_t *rbac_check_escalation(struct req *q, const struct kind *k, const json_t *object, const json_t *old)
{
	const char *ns = q->route.ns, *name = json_str_or(object, "metadata.name", "");
	if (strcmp(k->group, GROUP) || q->local || auth_user_in(&q->user, "system:masters"))
		return NULL;
	bool role = str_has_suffix(k->kind, "Role");
	if (role && may(q, "escalate", k->plural, ns, q->route.name))
		return NULL;
	if (old && is_for_collector(object, old))
		return NULL;
	return role ? check_role(q, k, object, old, ns, name) : check_binding(q, k, object, ns, name);
}
