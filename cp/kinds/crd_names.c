/* Who gets which name. Purpose: two definitions of a group may not answer to the same plural, singular, short name or
 * kind. Happy path: all names asked for are free or already its own, and the definition is established. A name that is
 * taken keeps its old value and the condition NamesAccepted says why. Nothing fails; an established definition stays
 * established. */
#include "cp/kinds/crd_names.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"

bool crd_group_is_protected(const char *group)
{
	static const char *const protected[] = {"k8s.io", "kubernetes.io"};

	for (size_t i = 0; i < ARRAY_LEN(protected); i++) {
		AUTO_FREE char *below = xasprintf(".%s", protected[i]);
		if (str_eq(group, protected[i]) || str_has_suffix(group, below))
			return true;
	}
	return false;
}

static json_t *find_condition(const json_t *crd, const char *type)
{
	return json_find(json_at(crd, "status.conditions"), "type", type);
}

bool crd_condition_is(const json_t *crd, const char *type, const char *status)
{
	return str_eq(json_member(find_condition(crd, type), "status"), status);
}

bool crd_is_established(const json_t *crd)
{
	return crd_condition_is(crd, "Established", "True");
}

void crd_set_condition(json_t *crd, const char *type, const char *status, const char *reason, const char *message,
		       int64_t now_ms)
{
	json_t *c = find_condition(crd, type);
	char now[RFC3339_MAX];

	if (!c) {
		json_t *list = json_at(crd, "status.conditions");
		if (!json_is_array(list))
			json_set_at(crd, "status.conditions", list = json_array());
		json_array_append_new(list, c = json_object());
	}
	if (!str_eq(json_member(c, "status"), status) || !json_object_get(c, "lastTransitionTime"))
		json_object_set_new(c, "lastTransitionTime", json_string(rfc3339(now_ms, now)));
	json_object_set_new(c, "type", json_string(type));
	json_object_set_new(c, "status", json_string(status));
	json_object_set_new(c, "reason", json_string(reason));
	json_object_set_new(c, "message", json_string(message));
}

/* Names that are taken by others. */
struct taken {
	char **resources, **kinds;
};

static void take_names(struct taken *t, const json_t *names)
{
	size_t i;
	json_t *s;

	strv_add(&t->resources, json_str_or(names, "plural", ""));
	strv_add(&t->resources, json_str_or(names, "singular", ""));
	json_array_foreach(json_object_get(names, "shortNames"), i, s) if (json_is_string(s))
	    strv_add(&t->resources, json_string_value(s));
	strv_add(&t->kinds, json_str_or(names, "kind", ""));
	strv_add(&t->kinds, json_str_or(names, "listKind", ""));
}

static void take_all(struct taken *t, const json_t *crd, const json_t *others)
{
	size_t i;
	json_t *other;

	json_array_foreach(others, i, other)
	{
		if (str_eq(json_str_at(other, "metadata.name"), json_str_at(crd, "metadata.name")) ||
		    !str_eq(json_str_at(other, "spec.group"), json_str_at(crd, "spec.group")))
			continue;
		take_names(t, json_at(other, "status.acceptedNames"));
	}
}

struct naming {
	const json_t *wanted; /* spec.names */
	json_t *accepted;     /* status.acceptedNames, being changed */
	struct taken taken;
	const char *reason; /* the last conflict; NULL: none */
	struct str message;
};

static void conflict(struct naming *n, const char *reason, const char *name)
{
	n->reason = reason;
	str_reset(&n->message);
	str_addf(&n->message, "\"%s\" is already in use", name);
}

static void accept_one(struct naming *n, const char *key, char **taken, const char *reason)
{
	const char *wanted = json_str_or(n->wanted, key, "");

	if (strcmp(wanted, json_str_or(n->accepted, key, "")) != 0 && *wanted && strv_has(taken, wanted))
		conflict(n, reason, wanted);
	else if (*wanted || strcmp(key, "singular") != 0)
		json_object_set_new(n->accepted, key, json_string(wanted));
}

static void copy_list(struct naming *n, const char *key)
{
	json_t *list = json_object_get(n->wanted, key);

	if (json_array_size(list))
		json_object_set(n->accepted, key, list);
	else
		json_object_del(n->accepted, key);
}

static void accept_short_names(struct naming *n)
{
	json_t *own = json_object_get(n->accepted, "shortNames"), *s;
	bool fine = true;
	size_t i;

	json_array_foreach(json_object_get(n->wanted, "shortNames"), i, s)
	{
		const char *name = json_string_value(s);
		if (!name || json_has_text(own, name) || !strv_has(n->taken.resources, name))
			continue;
		conflict(n, "ShortNamesConflict", name);
		fine = false;
	}
	if (fine)
		copy_list(n, "shortNames");
}

static void accept_names(struct naming *n)
{
	accept_one(n, "plural", n->taken.resources, "PluralConflict");
	accept_one(n, "singular", n->taken.resources, "SingularConflict");
	accept_short_names(n);
	accept_one(n, "kind", n->taken.kinds, "KindConflict");
	accept_one(n, "listKind", n->taken.kinds, "ListKindConflict");
	copy_list(n, "categories");
}

static void set_conditions(json_t *crd, const struct naming *n, int64_t now_ms)
{
	if (n->reason)
		crd_set_condition(crd, "NamesAccepted", "False", n->reason, str_text(&n->message), now_ms);
	else
		crd_set_condition(crd, "NamesAccepted", "True", "NoConflicts", "no conflicts found", now_ms);
	if (!n->reason && !crd_is_established(crd))
		crd_set_condition(crd, "Established", "True", "InitialNamesAccepted",
				  "the initial names have been accepted", now_ms);
	else if (!crd_is_established(crd))
		crd_set_condition(crd, "Established", "False", "NotAccepted", "not all names are accepted", now_ms);
}

static void set_approval(json_t *crd, int64_t now_ms)
{
	const char *value = json_member(json_at(crd, "metadata.annotations"), "api-approved.kubernetes.io");

	if (!crd_group_is_protected(json_str_or(crd, "spec.group", "")))
		return;
	if (str_has_prefix(value ? value : "", "unapproved")) {
		AUTO_FREE char *why = xasprintf("not approved: \"%s\"", value);
		crd_set_condition(crd, "KubernetesAPIApprovalPolicyConformant", "False", "UnapprovedAnnotation", why, now_ms);
	} else if (value) {
		AUTO_FREE char *why = xasprintf("approved in %s", value);
		crd_set_condition(crd, "KubernetesAPIApprovalPolicyConformant", "True", "ApprovedAnnotation", why, now_ms);
	}
}

json_t *crd_plan_status(const json_t *crd, const json_t *others, int64_t now_ms)
{
	AUTO_JSON *changed = json_clone(crd);
	struct naming n = {.wanted = json_at(crd, "spec.names"),
			   .accepted = json_object_at(changed, "status.acceptedNames")};

	take_all(&n.taken, crd, others);
	accept_names(&n);
	set_conditions(changed, &n, now_ms);
	set_approval(changed, now_ms);
	free_strv(&n.taken.resources);
	free_strv(&n.taken.kinds);
	str_done(&n.message);
	return json_incref(json_object_get(changed, "status"));
}
