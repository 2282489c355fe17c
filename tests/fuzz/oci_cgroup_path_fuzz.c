/* cgroup paths: linux.cgroupsPath and exec's sub-cgroups, on v1, hybrid and v2. Whatever they say, every directory that is
 * named lies below its mount point and has no ".." in it. Saved and loaded, the handle names the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "cgroups/cgroup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const hosts[] = {
	"30 29 0:26 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
	"31 29 0:27 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n",
	"30 29 0:26 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n"
	"32 29 0:28 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n",
	"32 29 0:28 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
};

static void check(const struct cgroup *cg)
{
	const char *list, *mount, *dir;
	for (size_t i = 0; cgroup_place(cg, i, &list, &mount, &dir); i++) {
		size_t n = strlen(mount);
		if (!dir)
			continue;
		if (strncmp(dir, mount, n) || (dir[n] && dir[n] != '/'))
			abort();
		for (const char *p = dir; (p = strstr(p, "/..")); p += 3)
			if (!p[3] || p[3] == '/')
				abort();
	}
}

/* The path, and behind a line end the sub-cgroups; in UTF-8, as all that comes out of a JSON file. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	AUTO_FREE char *text = xstrndup((const char *)data + 1, size - 1);
	AUTO_STRV char **lines = str_split(text, '\n');
	AUTO_JSON *utf8 = json_string(text);
	AUTO_CGROUP_HOST *host = NULL;
	AUTO_CGROUP *cg = NULL, *below = NULL, *again = NULL;
	if (!utf8)
		return 0;
	if (cgroup_host_parse(hosts[data[0] % ARRAY_LEN(hosts)], &host, NULL) < 0)
		abort();
	const char *path = strv_len(lines) ? lines[0] : NULL;
	if (cgroup_resolve(host, data[0] & 64 ? NULL : path, data[0] & 64 && path ? path : "id", &cg, NULL) < 0)
		return 0;
	check(cg);
	if (strv_len(lines) > 1 && cgroup_open_below(cg, lines + 1, &below, NULL) == 0)
		check(below);
	AUTO_JSON *saved = cgroup_save(cg);
	if (cgroup_load(saved, &again, NULL) < 0 || strcmp(cgroup_path(cg), cgroup_path(again)))
		abort();
	return 0;
}
