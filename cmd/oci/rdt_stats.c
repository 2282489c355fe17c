/* Intel RDT, from /sys/fs/resctrl. What always holds: without it the object is empty. */
#include "cmd/oci/rdt_stats.h"

#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/mem.h"
#include "cgroups/stats.h"

#define RESCTRL "/sys/fs/resctrl"
#define FILE_MAX 65536

/* One kind of resource: its directory below info, its line in schemata, the names in the object. */
struct kind {
	const char *info_dir, *line, *info, *root, *own;
	const char *files[4];
};

static const struct kind kinds[] = {
	{ "L3", "L3:", "l3_cache_info", "l3_cache_schema_root", "l3_cache_schema", { "cbm_mask", "min_cbm_bits", "num_closids" } },
	{ "MB", "MB:", "mem_bw_info", "mem_bw_schema_root", "mem_bw_schema",
	  { "bandwidth_gran", "delay_linear", "min_bandwidth", "num_closids" } },
};

static char *read_text(const char *path)
{
	AUTO_STR s = STR_INIT;
	if (fs_read_file(path, FILE_MAX, &s, NULL) < 0)
		return NULL;
	while (s.len && s.p[s.len - 1] == '\n')
		s.p[--s.len] = '\0';
	return str_take(&s);
}

static void add_text(struct str *out, const char *name, const char *value)
{
	if (out->p[out->len - 1] != '{')
		str_addc(out, ',');
	str_add_json(out, name);
	str_addc(out, ':');
	str_add_json(out, value);
}

static void add_info(struct str *out, const struct kind *k)
{
	stats_open(out, k->info);
	for (size_t i = 0; i < ARRAY_LEN(k->files) && k->files[i]; i++) {
		AUTO_FREE char *path = xasprintf(RESCTRL "/info/%s/%s", k->info_dir, k->files[i]);
		AUTO_FREE char *text = read_text(path);
		if (text && str_eq(k->files[i], "cbm_mask"))
			add_text(out, k->files[i], text);
		else if (text)
			stats_number(out, k->files[i], strtoull(text, NULL, 10), false);
	}
	stats_close(out);
}

static void add_schema(struct str *out, const struct kind *k, const char *dir, const char *name)
{
	AUTO_FREE char *path = xasprintf("%s/schemata", dir), *text = read_text(path);
	AUTO_STRV char **lines = str_split(text ? text : "", '\n');
	for (size_t i = 0; i < strv_len(lines); i++) {
		const char *line = lines[i] + strspn(lines[i], " ");
		if (str_has_prefix(line, k->line))
			add_text(out, name, line);
	}
}

void rdt_stats(struct str *out, const char *group)
{
	AUTO_FREE char *dir = xasprintf(RESCTRL "/%s", group);
	stats_open(out, "intel_rdt");
	for (size_t i = 0; fs_exists(dir) && i < ARRAY_LEN(kinds); i++) {
		AUTO_FREE char *info = xasprintf(RESCTRL "/info/%s", kinds[i].info_dir);
		if (!fs_exists(info))
			continue;
		add_info(out, &kinds[i]);
		add_schema(out, &kinds[i], RESCTRL, kinds[i].root);
		add_schema(out, &kinds[i], dir, kinds[i].own);
	}
	stats_close(out);
}
