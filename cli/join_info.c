/* The cluster's side of joining. Happy path: each object of the table is created, "exists" is fine, and the two ConfigMaps
 * are merged over what is there. The server's bootstrap signer signs cluster-info for every token. */
#include "cli/join_info.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "api/address.h"
#include "api/bootstrap_secret.h"
#include "api/kubeconfig.h"
#include "api/pki.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/mem.h"

#define RBAC "/apis/rbac.authorization.k8s.io/v1"
#define SYSTEM_NS RBAC "/namespaces/kube-system"
#define PUBLIC_NS RBAC "/namespaces/kube-public"

/* Roles: a name, or a rule of its own. Bindings: role and subject. */
static const struct role {
	const char *path, *name, *group, *resource, *verb, *only;
} roles[] = {
	{ PUBLIC_NS "/roles", "knarr:cluster-info", "", "configmaps", "get", "cluster-info" },
	{ SYSTEM_NS "/roles", "knarr:config", "", "configmaps", "get", "knarr-config" },
	{ RBAC "/clusterroles", "knarr:selfnodeserver", "certificates.k8s.io", "certificatesigningrequests/selfnodeserver", "create", NULL },
};

static const struct binding {
	const char *path, *name, *role_kind, *role, *subject_kind, *subject;
} bindings[] = {
	{ PUBLIC_NS "/rolebindings", "knarr:cluster-info", "Role", "knarr:cluster-info", "User", "system:anonymous" },
	{ SYSTEM_NS "/rolebindings", "knarr:config", "Role", "knarr:config", "Group", "system:nodes" },
	{ RBAC "/clusterrolebindings", "knarr:node-bootstrap", "ClusterRole", "system:node-bootstrapper", "Group",
	  BOOTSTRAP_DEFAULT_GROUP },
	{ RBAC "/clusterrolebindings", "knarr:node-approve-bootstrap", "ClusterRole",
	  "system:certificates.k8s.io:certificatesigningrequests:nodeclient", "Group", BOOTSTRAP_DEFAULT_GROUP },
	{ RBAC "/clusterrolebindings", "knarr:node-approve-rotation", "ClusterRole",
	  "system:certificates.k8s.io:certificatesigningrequests:selfnodeclient", "Group", "system:nodes" },
	{ RBAC "/clusterrolebindings", "knarr:node-approve-serving", "ClusterRole", "knarr:selfnodeserver", "Group", "system:nodes" },
};

static int ensure(struct node_api *a, const char *path, const json_t *object, struct err *e)
{
	struct err now = ERR_INIT;
	int r = node_api_create(a, path, object, NULL, &now);
	if (r == -EEXIST)
		return 0;
	return r < 0 ? err_set(e, r, "%s: %s", json_str_or(object, "metadata.name", ""), err_text(&now)) : 0;
}

static int ensure_role(struct node_api *a, const struct role *row, struct err *e)
{
	bool cluster = str_has_suffix(row->path, "clusterroles");
	AUTO_JSON *o = json_pack("{s:s, s:s, s:{s:s}, s:[{s:[s], s:[s], s:[s]}]}", "apiVersion", "rbac.authorization.k8s.io/v1", "kind",
				 cluster ? "ClusterRole" : "Role", "metadata", "name", row->name, "rules", "apiGroups", row->group,
				 "resources", row->resource, "verbs", row->verb);
	if (row->only)
		json_object_set_new(json_array_get(json_object_get(o, "rules"), 0), "resourceNames", json_pack("[s]", row->only));
	return ensure(a, row->path, o, e);
}

static int ensure_binding(struct node_api *a, const struct binding *row, struct err *e)
{
	bool cluster = str_has_suffix(row->path, "clusterrolebindings");
	AUTO_JSON *o = json_pack("{s:s, s:s, s:{s:s}, s:{s:s, s:s, s:s}, s:[{s:s, s:s, s:s}]}", "apiVersion",
				 "rbac.authorization.k8s.io/v1", "kind", cluster ? "ClusterRoleBinding" : "RoleBinding", "metadata", "name",
				 row->name, "roleRef", "apiGroup", "rbac.authorization.k8s.io", "kind", row->role_kind, "name", row->role,
				 "subjects", "kind", row->subject_kind, "apiGroup", "rbac.authorization.k8s.io", "name", row->subject);
	return ensure(a, row->path, o, e);
}

/* A ConfigMap with these data (taken), made or changed. */
static int put_config_map(struct node_api *a, const char *path, json_t *data, struct err *e)
{
	AUTO_FREE char *collection = xstrndup(path, (size_t)(strrchr(path, '/') - path));
	AUTO_JSON *o = json_pack("{s:s, s:s, s:{s:s}, s:o}", "apiVersion", "v1", "kind", "ConfigMap", "metadata", "name",
				 strrchr(path, '/') + 1, "data", data);
	struct err now = ERR_INIT;
	int r = node_api_create(a, collection, o, NULL, &now);
	if (r == -EEXIST) {
		AUTO_JSON *patch = json_pack("{s:O}", "data", data);
		return node_api_merge(a, path, patch, e);
	}
	return r < 0 ? err_set(e, r, "%s: %s", path, err_text(&now)) : 0;
}

/* The kubeconfig without credentials that is signed. */
static int info_kubeconfig(const struct node_options *o, char **ret, struct err *e)
{
	AUTO_FREE char *ca = xasprintf("%s/pki/ca.crt", o->config_dir), *host = address_host(o->node_ip);
	AUTO_STR pem = STR_INIT, out = STR_INIT;
	int r = fs_read_file(ca, 1 << 20, &pem, e);
	if (r < 0)
		return r;
	str_add(&out, "apiVersion: v1\nclusters:\n- cluster:\n    certificate-authority-data: ");
	base64_encode(&out, pem.p, pem.len);
	str_addf(&out,
		 "\n    server: https://%s:%s\n  name: \"\"\ncontexts: null\ncurrent-context: \"\"\nkind: Config\npreferences: {}\n"
		 "users: null\n",
		 host, o->secure_port);
	*ret = str_take(&out);
	return 0;
}

/* Settings that every node shares, by the names of their flags. */
static const struct {
	const char *key;
	size_t at;
} settings[] = {
	{ "cluster-cidr", offsetof(struct node_options, cluster_cidr) },
	{ "service-cluster-ip-range", offsetof(struct node_options, service_cidr) },
	{ "cluster-dns", offsetof(struct node_options, cluster_dns) },
	{ "overlay", offsetof(struct node_options, overlay) },
	{ "cluster-domain", offsetof(struct node_options, cluster_domain) },
};

static json_t *settings_of(const struct node_options *o)
{
	json_t *data = json_object();
	for (size_t i = 0; i < ARRAY_LEN(settings); i++)
		json_object_set_new(data, settings[i].key, json_string(*(char *const *)(const void *)((const char *)o + settings[i].at)));
	return data;
}

void join_info_take_settings(struct node_options *o, const json_t *config_map)
{
	for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
		char **at = (char **)(void *)((char *)o + settings[i].at);
		const char *value = json_member(json_object_get(config_map, "data"), settings[i].key);
		if (!value)
			continue;
		free(*at);
		*at = xstrdup(value);
	}
}

int join_info_publish(struct node_api *a, const struct node_options *o, struct err *e)
{
	AUTO_FREE char *kubeconfig = NULL;
	int r = info_kubeconfig(o, &kubeconfig, e);
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(roles); i++)
		r = ensure_role(a, &roles[i], e);
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(bindings); i++)
		r = ensure_binding(a, &bindings[i], e);
	if (r == 0)
		r = put_config_map(a, JOIN_INFO_PATH, json_pack("{s:s}", "kubeconfig", kubeconfig), e);
	return r < 0 ? r : put_config_map(a, JOIN_CONFIG_PATH, settings_of(o), e);
}

/* --- tokens --------------------------------------------------------------------------------------------------------------- */

int join_token_create(struct node_api *a, const struct join_token *t, char *ret, struct err *e)
{
	static char *const default_groups[] = { BOOTSTRAP_DEFAULT_GROUP, NULL };
	char text[BOOTSTRAP_TOKEN_LEN + 1], end[RFC3339_MAX] = "";
	if (t->text && !bootstrap_token_has_form(t->text))
		return err_set(e, -EINVAL, "the bootstrap token \"%s\" was not of the form \"[a-z0-9]{6}.[a-z0-9]{16}\"", t->text);
	if (t->text)
		memcpy(text, t->text, sizeof(text));
	else
		bootstrap_token_random(text);
	if (t->ttl_s)
		rfc3339(clock_wall_ms() + t->ttl_s * 1000, end);
	AUTO_FREE char *id = xstrndup(text, BOOTSTRAP_ID_LEN);
	struct bootstrap_secret s = { .id = id,
				      .secret = text + BOOTSTRAP_ID_LEN + 1,
				      .description = (char *)t->description,
				      .expiration = end,
				      .signing = t->signing,
				      .authentication = t->authentication,
				      .groups = (char **)(t->groups ? t->groups : default_groups) };
	AUTO_JSON *secret = bootstrap_secret_json(&s);
	int r = node_api_create(a, "/api/v1/namespaces/kube-system/secrets", secret, NULL, e);
	if (r == -EEXIST)
		return err_set(e, r, "a token with id \"%s\" already exists", id);
	if (r == 0)
		memcpy(ret, text, sizeof(text));
	return r;
}

int join_command(const struct node_options *o, const char *token, char **ret, struct err *e)
{
	char hash[72];
	AUTO_FREE char *ca = xasprintf("%s/pki/ca.crt", o->config_dir), *host = address_host(o->node_ip);
	int r = pki_ca_hash(ca, hash, e);
	if (r == 0)
		*ret = xasprintf("knarr join %s:%s --token %s --ca-hash %s", host, o->secure_port, token, hash);
	return r;
}
