/* Matching of webhooks. Purpose: which requests a webhook or policy wants to see. Happy path: operation, group, version,
 * resource and scope of a rule fit, of the request itself or else of another served version of its resource; then the
 * labels of namespace and object. Nothing fails: a selector that is malformed fits nothing. */
#include "cp/admission/hook_match.h"

#include <string.h>

#include "api/selector.h"
#include "base/mem.h"

const char *hook_op_word(enum admit_op op)
{
	return op == ADMIT_CREATE ? "CREATE" : op == ADMIT_UPDATE ? "UPDATE" : op == ADMIT_DELETE ? "DELETE" : "CONNECT";
}

static bool lists(const json_t *list, const char *word)
{
	size_t i;
	json_t *v;
	json_array_foreach(list, i, v)
	{
		const char *text = json_string_value(v);
		if (text && (strcmp(text, "*") == 0 || strcmp(text, word) == 0))
			return true;
	}
	return false;
}

/* "pods", "pods/exec", "pods/any", "any/scale" with stars for any. */
static bool resource_fits(const char *pattern, const char *resource, const char *sub)
{
	const char *slash = strchr(pattern, '/');
	size_t n = slash ? (size_t)(slash - pattern) : strlen(pattern);
	bool any = n == 1 && *pattern == '*';
	if (!any && (strlen(resource) != n || strncmp(pattern, resource, n) != 0))
		return false;
	if (!slash)
		return !*sub;
	return strcmp(slash + 1, "*") == 0 || strcmp(slash + 1, sub) == 0;
}

static bool scope_fits(const char *scope, bool namespaced)
{
	return strcmp(scope, "*") == 0 || strcmp(scope, namespaced ? "Namespaced" : "Cluster") == 0;
}

bool hook_rule_fits(const json_t *rule, const struct hook_target *t)
{
	size_t i;
	json_t *r;
	const json_t *names = json_object_get(rule, "resourceNames");
	if (!lists(json_object_get(rule, "operations"), hook_op_word(t->op)) ||
	    !lists(json_object_get(rule, "apiGroups"), t->group) ||
	    !lists(json_object_get(rule, "apiVersions"), t->version) ||
	    !scope_fits(json_str_or(rule, "scope", "*"), t->namespaced))
		return false;
	if (json_array_size(names) && !lists(names, t->name))
		return false;
	json_array_foreach(json_object_get(rule, "resources"), i, r)
	{
		if (resource_fits(json_string_value(r), t->resource, t->subresource))
			return true;
	}
	return false;
}

/* The request of a chain as rules see it when it asks for kind. */
static struct hook_target target_of(const struct admit *a, const struct kind *kind)
{
	return (struct hook_target){ .op = a->op,
				     .group = kind->group,
				     .version = kind->version,
				     .resource = kind->plural,
				     .subresource = a->subresource,
				     .name = a->name,
				     .namespaced = kind->namespaced };
}

static bool rules_fit(const json_t *rules, const struct hook_target *t)
{
	size_t i;
	json_t *r;
	json_array_foreach(rules, i, r)
	{
		if (hook_rule_fits(r, t))
			return true;
	}
	return false;
}

static bool has_subresource(const struct kind *k, const char *name)
{
	for (size_t i = 0; k->subresources && k->subresources[i]; i++)
		if (strcmp(k->subresources[i], name) == 0)
			return true;
	return !*name;
}

const struct kind *hook_rules_kind(const struct admit *a, const json_t *rules, bool equivalent)
{
	struct hook_target own = target_of(a, a->kind);
	const struct kind *other;
	if (rules_fit(rules, &own))
		return a->kind;
	if (!equivalent || !a->n->c.equivalent)
		return NULL;
	for (size_t i = 0; (other = a->n->c.equivalent(a->request, a->kind, i)); i++) {
		struct hook_target t = target_of(a, other);
		if (has_subresource(other, a->subresource) && rules_fit(rules, &t))
			return other;
	}
	return NULL;
}

bool hook_is_equivalent(const json_t *config)
{
	return !str_eq(json_str_at(config, "matchPolicy"), "Exact");
}

static bool labels_fit(const json_t *selector, const json_t *labels)
{
	AUTO_SELECTOR *s = NULL;
	if (!json_object_size(selector))
		return true;
	return selector_from_json(selector, &s, NULL) == 0 && selector_match_labels(s, labels);
}

static bool namespace_fits(const struct admit *a, const json_t *selector)
{
	if (!json_object_size(selector))
		return true;
	if (admit_is_kind(a, "", "Namespace"))
		return labels_fit(selector, json_at(a->object ? a->object : a->old, "metadata.labels"));
	if (!a->kind->namespaced)
		return true;
	AUTO_JSON *ns = admission_get(a->n, "", "v1", "namespaces", "", a->ns);
	return labels_fit(selector, json_at(ns, "metadata.labels"));
}

static bool object_fits(const json_t *selector, const json_t *object)
{
	return json_object_get(object, "metadata") && labels_fit(selector, json_at(object, "metadata.labels"));
}

bool hook_selects(const struct admit *a, const json_t *selectors)
{
	const json_t *object = json_object_get(selectors, "objectSelector");
	if (!namespace_fits(a, json_object_get(selectors, "namespaceSelector")))
		return false;
	return !json_object_size(object) || object_fits(object, a->object) || object_fits(object, a->old);
}

bool hook_is_exempt(const struct admit *a)
{
	return strcmp(a->kind->group, "admissionregistration.k8s.io") == 0;
}
