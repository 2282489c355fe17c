/* Roles and bindings from the cache into the index, and the guard against granting more than one has. Purpose: RBAC's
 * own rules about RBAC objects. Happy path: the writer has every rule that the write grants, or may escalate or bind.
 * Fails with 403 that lists the rules that are missing. */
#include "cp/api/rbac_source.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"

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

static json_t *refuse(struct req *q, const struct kind *k, const char *name, const json_t *missing)
{
	AUTO_FREE char *groups = groups_text(&q->user);
	AUTO_STR rules = STR_INIT;
	json_t *rule;
	size_t i;
	json_array_foreach(missing, i, rule)
	{
		str_addc(&rules, '\n');
		rbac_rule_text(&rules, rule);
	}
	return status_forbidden(k->group, k->plural, name,
				"user \"%s\" (groups=%s) is attempting to grant RBAC permissions not currently held:%s", q->user.name,
				groups, str_text(&rules));
}

static json_t *check_rules(struct req *q, const struct kind *k, const char *name, const char *ns, const json_t *wanted)
{
	AUTO_JSON *owned = rbac_rules_of(rbac_source_rbac(q->api->rbac), &q->user, ns);
	AUTO_JSON *missing = rbac_missing_rules(owned, wanted);
	return missing ? refuse(q, k, name, missing) : NULL;
}

static json_t *check_binding(struct req *q, const struct kind *k, const json_t *object, const char *ns, const char *name)
{
	const char *kind = json_str_or(object, "roleRef.kind", ""), *role = json_str_or(object, "roleRef.name", "");
	const json_t *rules = rbac_role_rules(rbac_source_rbac(q->api->rbac), kind, ns, role);
	if (may(q, "bind", strcmp(kind, "Role") ? "clusterroles" : "roles", ns, role))
		return NULL;
	if (!rules)
		return strcmp(kind, "Role") ? status_not_found(GROUP, "clusterroles", role) : status_not_found(GROUP, "roles", role);
	return check_rules(q, k, name, ns, rules);
}

json_t *rbac_check_escalation(struct req *q, const struct kind *k, const json_t *object, const json_t *old)
{
	const char *ns = json_str_or(object, "metadata.namespace", ""), *name = json_str_or(object, "metadata.name", "");
	bool role = str_has_suffix(k->kind, "Role");
	if (strcmp(k->group, GROUP) || q->local || auth_user_in(&q->user, "system:masters"))
		return NULL;
	if (!role)
		return old && json_equal(json_object_get(old, "subjects"), json_object_get(object, "subjects"))
			   ? NULL
			   : check_binding(q, k, object, ns, name);
	if ((old && json_equal(json_object_get(old, "rules"), json_object_get(object, "rules"))) || may(q, "escalate", k->plural, ns, name))
		return NULL;
	if (json_object_get(object, "aggregationRule") && !json_equal(json_object_get(object, "aggregationRule"), json_at(old, "aggregationRule"))) {
		AUTO_JSON *everything = json_pack("[{s:[s], s:[s], s:[s]}, {s:[s], s:[s]}]", "verbs", "*", "apiGroups", "*", "resources", "*",
						  "verbs", "*", "nonResourceURLs", "*");
		return check_rules(q, k, name, ns, everything);
	}
	return check_rules(q, k, name, ns, json_object_get(object, "rules"));
}
