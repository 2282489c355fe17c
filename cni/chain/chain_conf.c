/* Configurations of networks: find the file, check it, make each plugin's own configuration of it.
 *
 * Fails with the member's name where something is missing or of the wrong type. Apart from finding files everything
 * here is pure. What always holds for an accepted list: a valid name, a version that is spoken, at least one plugin,
 * each with a type that is a plain file name. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "cni/chain/chain_internal.h"
#include "cni/plugin.h"
#include "cni/version.h"

static int check_plugins(const json_t *plugins, struct err *e)
{
	size_t i;
	json_t *p;
	if (!json_is_array(plugins))
		return err_set(e, -EINVAL, "\"plugins\" must be a list");
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

int chain_conf_bool(const json_t *conf, const char *key, bool *ret, struct err *e)
{
	const json_t *v = json_object_get(conf, key);
	const char *text = json_string_value(v);
	if (v && !json_is_boolean(v) && !text)
		return err_set(e, -EINVAL, "invalid type for %s: it must be true or false", key);
	if (text && strcasecmp(text, "true") && strcasecmp(text, "false"))
		return err_set(e, -EINVAL, "invalid value \"%s\" for %s", text, key);
	*ret = text ? !strcasecmp(text, "true") : json_is_true(v);
	return 0;
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
	bool inlined = false, is_list = json_object_get(conf, "plugins") || !json_object_get(conf, "type");
	AUTO_JSON *list = is_list ? json_deep_copy(conf) : json_pack("{s:[o]}", "plugins", json_deep_copy(conf));
	int r = chain_conf_bool(conf, "loadOnlyInlinedPlugins", &inlined, e);
	if (r >= 0 && inlined && !json_object_get(conf, "plugins"))
		return err_set(e, -EINVAL, "\"loadOnlyInlinedPlugins\" is true, and there are no \"plugins\"");
	if (!json_object_get(list, "plugins"))
		json_object_set_new(list, "plugins", json_array());
	if (r < 0 || (r = check_plugins(json_object_get(list, "plugins"), e)) < 0)
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

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool is_directory(DIR *d, const struct dirent *entry)
{
	struct stat st;
	return entry->d_type == DT_DIR ||
	       (entry->d_type == DT_UNKNOWN && !fstatat(dirfd(d), entry->d_name, &st, 0) && S_ISDIR(st.st_mode));
}

/* Names of the directory's files for which wanted() is true, sorted: an owned vector. */
static int list_names(const char *dir, bool (*wanted)(const char *name), char ***ret, struct err *e)
{
	char **names = NULL;
	DIR *d = opendir(dir);
	if (!d)
		return err_sys(e, "CNI configuration directory %s", dir);
	for (struct dirent *entry; (entry = readdir(d));)
		if (wanted(entry->d_name) && !is_directory(d, entry))
			strv_add(&names, entry->d_name);
	closedir(d);
	if (names)
		qsort(names, strv_len(names), sizeof(*names), by_name);
	*ret = names;
	return 0;
}

int chain_conf_find(const char *dir, char **ret, struct err *e)
{
	AUTO_STRV char **names = NULL;
	int r = list_names(dir, is_conf, &names, e);
	if (r < 0)
		return r;
	if (!names)
		return err_set(e, -ENOENT, "no CNI configuration in %s", dir);
	*ret = xasprintf("%s/%s", dir, names[0]);
	return 0;
}

static bool is_plugin_conf(const char *name)
{
	return name[0] != '.' && str_has_suffix(name, ".conf");
}

int chain_conf_add_dir(json_t *list, const char *file, struct err *e)
{
	bool inlined = false;
	AUTO_STRV char **names = NULL;
	const char *slash = strrchr(file, '/');
	AUTO_FREE char *dir = xasprintf("%.*s/%s", (int)(slash - file), file, json_str_or(list, "name", ""));
	json_t *plugins = json_array_at(list, "plugins");
	int r = chain_conf_bool(list, "loadOnlyInlinedPlugins", &inlined, e);
	if (r < 0)
		return r;
	if (!inlined && (r = list_names(dir, is_plugin_conf, &names, e)) < 0 && r != -ENOENT && r != -ENOTDIR)
		return r;
	for (size_t i = 0; names && names[i]; i++) {
		AUTO_FREE char *path = xasprintf("%s/%s", dir, names[i]);
		AUTO_JSON *plugin = NULL, *one = NULL;
		if ((r = json_read_file(path, &plugin, e)) < 0)
			return err_wrap(e, r, "%s", path);
		one = json_pack("[O]", plugin);
		if ((r = check_plugins(one, e)) < 0)
			return err_wrap(e, r, "%s", path);
		json_array_append(plugins, plugin);
	}
	return json_array_size(plugins) ? 0 : err_set(e, -EINVAL, "\"plugins\" must be a list of at least one plugin");
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
