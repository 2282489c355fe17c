/* The table of default roles and bindings becomes objects. Fails only for a table that is wrong, which a test loads. */
#include "cp/auth/rbac_defaults.h"

#include <errno.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"

#define GROUP "rbac.authorization.k8s.io"
#define WORDS_MAX 6

extern const char rbac_defaults_text[];

static json_t *words(const char *list)
{
	AUTO_STRV char **v = str_split(list, ',');
	json_t *out = json_array();
	for (size_t i = 0; i < strv_len(v); i++)
		json_array_append_new(out, json_string(strcmp(v[i], "core") ? v[i] : ""));
	return out;
}

static json_t *new_object(const char *kind, const char *ns, const char *name)
{
	AUTO_FREE char *full = xasprintf("%s%s", strcmp(ns, "-") ? "" : "Cluster", kind);
	json_t *o = json_pack("{s:s, s:s, s:{s:s, s:{s:s}, s:{s:s}}}", "apiVersion", GROUP "/v1", "kind", full, "metadata", "name", name,
			      "labels", "kubernetes.io/bootstrapping", "rbac-defaults", "annotations",
			      "rbac.authorization.kubernetes.io/autoupdate", "true");
	if (strcmp(ns, "-"))
		json_set_str(o, "metadata.namespace", ns);
	return o;
}

static json_t *begin(char *const *w, size_t n)
{
	json_t *o = NULL;
	if (n == 3 && !strcmp(w[0], "role")) {
		o = new_object("Role", w[1], w[2]);
		json_object_set_new(o, "rules", json_array());
	} else if (n == 5 && !strcmp(w[0], "binding")) {
		o = new_object("RoleBinding", w[1], w[2]);
		json_object_set_new(o, "roleRef", json_pack("{s:s, s:s, s:s}", "apiGroup", GROUP, "kind", w[3], "name", w[4]));
		json_object_set_new(o, "subjects", json_array());
	}
	return o;
}

static void add_pair(json_t *object, const char *text)
{
	AUTO_FREE char *key = xstrndup(text, strcspn(text, "="));
	json_object_set_new(object, key, json_string(text + strlen(key) + 1));
}

static void add_allow(json_t *o, char *const *w, size_t n)
{
	json_t *rule = json_object();
	json_object_set_new(rule, "verbs", words(w[1]));
	json_object_set_new(rule, "apiGroups", words(w[2]));
	json_object_set_new(rule, "resources", words(w[3]));
	if (n == 5)
		json_object_set_new(rule, "resourceNames", words(w[4] + strlen("names=")));
	json_array_append_new(json_object_get(o, "rules"), rule);
}

static void add_aggregate(json_t *o, const char *pair)
{
	json_t *selector = json_object();
	add_pair(json_object_at(selector, "matchLabels"), pair);
	json_array_append_new(json_array_at(o, "aggregationRule.clusterRoleSelectors"), selector);
}

static bool add_part(json_t *o, char *const *w, size_t n)
{
	json_t *subjects = json_object_get(o, "subjects");
	if (n == 2 && !strcmp(w[0], "label"))
		add_pair(json_at(o, "metadata.labels"), w[1]);
	else if (n == 2 && !strcmp(w[0], "aggregate"))
		add_aggregate(o, w[1]);
	else if ((n == 4 || n == 5) && !strcmp(w[0], "allow"))
		add_allow(o, w, n);
	else if (n == 3 && !strcmp(w[0], "path"))
		json_array_append_new(json_object_get(o, "rules"),
				      json_pack("{s:o, s:o}", "verbs", words(w[1]), "nonResourceURLs", words(w[2])));
	else if (n == 2 && (!strcmp(w[0], "user") || !strcmp(w[0], "group")))
		json_array_append_new(subjects, json_pack("{s:s, s:s, s:s}", "kind", *w[0] == 'u' ? "User" : "Group", "apiGroup", GROUP,
							  "name", w[1]));
	else if (n == 3 && !strcmp(w[0], "account"))
		json_array_append_new(subjects, json_pack("{s:s, s:s, s:s}", "kind", "ServiceAccount", "name", w[2], "namespace", w[1]));
	else
		return false;
	return true;
}

static int read_line(json_t *all, const char *line, size_t number, struct err *e)
{
	AUTO_STRV char **w = str_split(*line == '\t' ? line + 1 : line, ' ');
	size_t n = strv_len(w);
	json_t *last = json_array_get(all, json_array_size(all) - 1);
	if (!*line || *line == '#')
		return 0;
	if (*line == '\t')
		return last && add_part(last, w, n) ? 0 : err_set(e, -EINVAL, "default roles, line %zu: %s", number, line);
	json_t *o = n <= WORDS_MAX ? begin(w, n) : NULL;
	if (!o)
		return err_set(e, -EINVAL, "default roles, line %zu: %s", number, line);
	json_array_append_new(all, o);
	return 0;
}

int rbac_defaults(json_t **ret, struct err *e)
{
	AUTO_STRV char **lines = str_split(rbac_defaults_text, '\n');
	AUTO_JSON *all = json_array();
	int r = 0;
	for (size_t i = 0; r == 0 && i < strv_len(lines); i++)
		r = read_line(all, lines[i], i + 1, e);
	if (r == 0)
		*ret = TAKE(all);
	return r;
}
