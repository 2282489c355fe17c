/* The default network: bridge with addresses of host-local, and portmap for ports of the host. The first configuration by name is the one that counts: ours is
 * written unless one that was put there comes before it; those of other engines, behind it, do not matter. */
#include <dirent.h>
#include <errno.h>
#include <string.h>

#include "agent/node.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/mem.h"

#define CONFLIST "10-knarr.conflist"

static bool is_config(const char *name)
{
	return str_has_suffix(name, ".conflist") || str_has_suffix(name, ".conf") || str_has_suffix(name, ".json");
}

bool cni_config_is_given(const char *dir)
{
	bool found = false;
	DIR *d = opendir(dir);
	for (struct dirent *de; d && !found && (de = readdir(d));)
		found = is_config(de->d_name) && strcmp(de->d_name, CONFLIST) <= 0;
	if (d)
		closedir(d);
	return found;
}

static json_t *ipam(const char *pod_cidr)
{
	json_t *ranges = json_array();
	AUTO_STRV char **nets = str_split(pod_cidr, ',');
	for (char **n = nets; n && *n; n++)
		json_array_append_new(ranges, json_pack("[{s:s}]", "subnet", *n));
	json_t *routes = json_pack("[{s:s}]", "dst", "0.0.0.0/0");
	if (strchr(pod_cidr, ':'))
		json_array_append_new(routes, json_pack("{s:s}", "dst", "::/0"));
	return json_pack("{s:s, s:o, s:o}", "type", "host-local", "ranges", ranges, "routes", routes);
}

int cni_config_write(const char *conf_dir, const char *pod_cidr, struct err *e)
{
	if (cni_config_is_given(conf_dir))
		return 0;
	AUTO_FREE char *path = xasprintf("%s/%s", conf_dir, CONFLIST);
	AUTO_JSON *conf = json_pack("{s:s, s:s, s:[{s:s, s:s, s:b, s:b, s:b, s:o}, {s:s, s:{s:b}}]}", "cniVersion", "1.1.0",
				    "name", "knarr", "plugins", "type", "bridge", "bridge", "cni0", "isGateway", 1, "hairpinMode", 1,
				    "ipMasq", 0, "ipam", ipam(pod_cidr), "type", "portmap", "capabilities", "portMappings", 1);
	int r = fs_mkdir_p(conf_dir, 0755, e);
	return r < 0 ? r : json_write_file(path, conf, 0644, e);
}
