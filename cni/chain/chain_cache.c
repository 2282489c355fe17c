/* The cache of attachments, in the format that libcni's callers share.
 *
 * An entry is written once, after a whole ADD, and holds the configuration that was used (base64 of its JSON) and the
 * result: DEL works from it whatever the configuration has become meanwhile. Entries that cannot be read count as
 * absent for listing. What always holds: entries are replaced atomically. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/json.h"
#include "cni/chain/chain_internal.h"

char *chain_cache_path(const struct chain *c, const char *container_id, const char *ifname)
{
	return xasprintf("%s/results/%s-%s-%s", c->cache_dir, c->name, container_id, ifname);
}

static json_t *args_pairs(const struct chain_attachment *a)
{
	AUTO_FREE char *args = chain_conf_args(a);
	AUTO_STRV char **pairs = args ? str_split(args, ';') : NULL;
	json_t *out = json_array();
	for (size_t i = 0; pairs && pairs[i]; i++) {
		char *eq = strchr(pairs[i], '=');
		*eq = '\0';
		json_array_append_new(out, json_pack("[s, s]", pairs[i], eq + 1));
	}
	return out;
}

int chain_cache_write(const char *path, const struct chain *c, const struct chain_attachment *a, const json_t *result,
		      struct err *e)
{
	AUTO_FREE char *dir = xasprintf("%s/results", c->cache_dir), *text = json_text(c->list);
	AUTO_STR config = STR_INIT;
	base64_encode(&config, text, strlen(text));
	AUTO_JSON *entry =
	    json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:O}", "kind", "cniCacheV1", "containerId", a->container_id,
		      "config", str_text(&config), "ifName", a->ifname, "networkName", c->name, "netns",
		      a->netns ? a->netns : "", "cniArgs", args_pairs(a), "result", result);
	if (json_object_size(a->capability_args))
		json_object_set_new(entry, "capabilityArgs", json_deep_copy(a->capability_args));
	int r = fs_mkdir_p(dir, 0700, e);
	return r < 0 ? r : json_write_file(path, entry, 0600, e);
}

/* "A=1;B=2" of [["A", "1"], ["B", "2"]]; NULL of none. */
static char *args_text(const json_t *pairs)
{
	struct str text = STR_INIT;
	size_t i;
	json_t *p;
	json_array_foreach(pairs, i, p)
	{
		const char *key = json_string_value(json_array_get(p, 0)),
			   *value = json_string_value(json_array_get(p, 1));
		if (key && value)
			str_addf(&text, "%s%s=%s", text.len ? ";" : "", key, value);
	}
	return text.len ? str_take(&text) : NULL;
}

static json_t *list_of(const char *base64)
{
	AUTO_STR text = STR_INIT;
	AUTO_JSON *conf = NULL;
	json_t *list = NULL;
	if (*base64 && base64_decode(&text, base64, strlen(base64)) >= 0 &&
	    json_parse(str_text(&text), text.len, &conf, NULL) >= 0)
		chain_conf_list(conf, &list, NULL);
	return list;
}

int chain_cache_read(const char *path, struct chain_cached *ret, struct err *e)
{
	AUTO_JSON *entry = NULL;
	int r = json_read_file(path, &entry, e);
	if (r < 0)
		return r;
	const json_t *result = json_object_get(entry, "result"), *caps = json_object_get(entry, "capabilityArgs");
	if (!str_eq(json_str_at(entry, "kind"), "cniCacheV1"))
		return err_set(e, -EINVAL, "%s is no cached CNI result", path);
	*ret = (struct chain_cached){.list = list_of(json_str_or(entry, "config", "")),
				     .result = json_is_object(result) ? json_deep_copy(result) : NULL,
				     .capability_args = json_is_object(caps) ? json_deep_copy(caps) : NULL,
				     .args = args_text(json_object_get(entry, "cniArgs"))};
	return 0;
}

void chain_cached_done(struct chain_cached *c)
{
	json_decref(c->list);
	json_decref(c->result);
	json_decref(c->capability_args);
	free(c->args);
	*c = (struct chain_cached){0};
}

json_t *chain_cache_attachments(const struct chain *c)
{
	AUTO_FREE char *dir = xasprintf("%s/results", c->cache_dir);
	json_t *out = json_array();
	DIR *d = opendir(dir);
	for (struct dirent *entry; d && (entry = readdir(d));) {
		AUTO_FREE char *path = xasprintf("%s/%s", dir, entry->d_name);
		AUTO_JSON *j = NULL;
		if (entry->d_name[0] == '.' || json_read_file(path, &j, NULL) < 0 ||
		    !str_eq(json_str_at(j, "networkName"), c->name) || !json_str_at(j, "containerId") ||
		    !json_str_at(j, "ifName"))
			continue;
		json_array_append_new(out, json_pack("{s:s, s:s, s:s}", "containerID", json_str_at(j, "containerId"),
						     "ifname", json_str_at(j, "ifName"), "netns",
						     json_str_or(j, "netns", "")));
	}
	if (d)
		closedir(d);
	return out;
}
