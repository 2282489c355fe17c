/* Configurations of networks: find the file, check it, make each plugin's own configuration of it.
 *
 * Fails with the member's name where something is missing or of the wrong type. Apart from finding files everything
 * here is pure. What always holds for an accepted list: a valid name, a version that is spoken, at least one plugin,
 * each with a type that is a plain file name. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "cni/chain/chain_internal.h"
#include "cni/plugin.h"
#include "cni/version.h"

static int check_plugins(const json_t *plugins, struct err *e)
{
	size_t i;
	json_t *p;
	if (!json_array_size(plugins))
		return err_set(e, -EINVAL, "\"plugins\" must be a list of at least one plugin");
	json_array_foreach(plugins, i, p)
	{
		const char *type = json_member(p, "type");
		if (str_empty(type) || strchr(type, '/'))
			return err_set(e, -EINVAL, "plugins[%zu]: \"type\" must be the name of a plugin", i);
	}
	return 0;
}

/* The newest version that is spoken among "cniVersions" and "cniVersion"; "" where none is told. */
static const char *choose_version(const json_t *conf)
{
	const char *best = json_str_or(conf, "cniVersion", "");
	size_t i;
	json_t *v;
	json_array_foreach(json_object_get(conf, "cniVersions"), i, v)
	{
		const char *one = json_string_value(v);
		if (one && cni_version_is_supported(one) && (!*best || cni_version_cmp(one, best) > 0))
			best = one;
	}
	return best;
}

int chain_conf_list(const json_t *conf, json_t **ret, struct err *e)
{
	const char *name = json_str_or(conf, "name", ""), *version = choose_version(conf);
	if (!json_is_object(conf))
		return err_set(e, -EINVAL, "not a JSON object");
	if (!*name || !cni_name_is_valid(name))
		return err_set(e, -EINVAL, "\"name\" must be a network's name");
	if (!*version)
		version = "0.1.0";
	if (!cni_version_is_supported(version))
		return err_set(e, -EINVAL, "\"cniVersion\" %s is not supported", version);
	AUTO_JSON *list = json_object_get(conf, "plugins") ? json_deep_copy(conf)
							   : json_pack("{s:[o]}", "plugins", json_deep_copy(conf));
	int r = check_plugins(json_object_get(list, "plugins"), e);
	if (r < 0)
		return r;
	json_set_str(list, "name", name);
	json_set_str(list, "cniVersion", version);
	*ret = TAKE(list);
	return 0;
}

static bool is_conf(const char *name)
{
	return name[0] != '.' &&
	       (str_has_suffix(name, ".conflist") || str_has_suffix(name, ".conf") || str_has_suffix(name, ".json"));
}

int chain_conf_find(const char *dir, char **ret, struct err *e)
{
	DIR *d = opendir(dir);
	AUTO_FREE char *first = NULL;
	if (!d)
		return err_sys(e, "CNI configuration directory %s", dir);
	for (struct dirent *entry; (entry = readdir(d));)
		if (is_conf(entry->d_name) && (!first || strcmp(entry->d_name, first) < 0)) {
			free(first);
			first = xstrdup(entry->d_name);
		}
	closedir(d);
	if (!first)
		return err_set(e, -ENOENT, "no CNI configuration in %s", dir);
	*ret = xasprintf("%s/%s", dir, first);
	return 0;
}

int chain_conf_program(const char *plugin_path, const char *type, char **ret, struct err *e)
{
	AUTO_STRV char **dirs = str_split(plugin_path, ':');
	if (strchr(type, '/'))
		return err_set(e, -EINVAL, "invalid plugin name \"%s\"", type);
	for (size_t i = 0; dirs && dirs[i]; i++) {
		AUTO_FREE char *path = *dirs[i] ? xasprintf("%s/%s", dirs[i], type) : NULL;
		if (path && !access(path, X_OK)) {
			*ret = TAKE(path);
			return 0;
		}
	}
	return err_set(e, -ENOENT, "CNI plugin \"%s\" is not in %s", type, plugin_path);
}

json_t *chain_conf_for(const json_t *list, size_t plugin, const json_t *prev_result, const json_t *capability_args,
		       const json_t *valid_attachments)
{
	json_t *conf = json_deep_copy(json_array_get(json_object_get(list, "plugins"), plugin)), *wanted, *value;
	const char *key;
	json_object_set(conf, "name", json_object_get(list, "name"));
	json_object_set(conf, "cniVersion", json_object_get(list, "cniVersion"));
	if (prev_result)
		json_object_set_new(conf, "prevResult", json_deep_copy(prev_result));
	if (valid_attachments)
		json_object_set_new(conf, "cni.dev/valid-attachments", json_deep_copy(valid_attachments));
	json_object_foreach(json_object_get(conf, "capabilities"), key, wanted)
	{
		value = json_object_get(capability_args, key);
		if (json_is_true(wanted) && value)
			json_object_set_new(json_object_at(conf, "runtimeConfig"), key, json_deep_copy(value));
	}
	return conf;
}

char *chain_conf_args(const struct chain_attachment *a)
{
	if (!a->pod_namespace && !a->pod_name)
		return NULL;
	return xasprintf(
	    "IgnoreUnknown=1;K8S_POD_NAMESPACE=%s;K8S_POD_NAME=%s;K8S_POD_INFRA_CONTAINER_ID=%s;K8S_POD_UID=%s",
	    a->pod_namespace ? a->pod_namespace : "", a->pod_name ? a->pod_name : "", a->container_id,
	    a->pod_uid ? a->pod_uid : "");
}
