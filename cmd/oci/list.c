/* knarr-oci state and list. */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "cmd/oci/oci.h"
#include "cmd/oci/table.h"

/* As Go writes times: no zeros at the end of the fraction. */
static char *created_text(const struct container_info *i, char *ret)
{
	rfc3339_nano(i->created_us / 1000000, (int32_t)(i->created_us % 1000000) * 1000, ret);
	char *end = ret + strlen(ret) - 1; /* the Z */
	while (end[-1] == '0')
		end--;
	if (end[-1] == '.')
		end--;
	memcpy(end, "Z", 2);
	return ret;
}

/* What runc adds to the OCI state: rootfs, creation time, owner; pid 0 once stopped. */
static json_t *full_state(const struct container_info *i, const char *owner)
{
	char when[RFC3339_MAX];
	json_t *j = json_pack("{s:s, s:s, s:i, s:s, s:s, s:s, s:s}", "ociVersion", i->oci_version, "id", i->id, "pid", (int)i->pid,
			      "status", container_status_name(i->status), "bundle", i->bundle, "rootfs", i->rootfs, "created",
			      created_text(i, when));
	if (json_object_size(i->annotations))
		json_object_set(j, "annotations", i->annotations);
	json_object_set_new(j, "owner", json_string(owner));
	return j;
}

static int run_state(const struct globals *g, const struct call *c)
{
	AUTO_CONTAINER_INFO i = { 0 };
	struct err e = ERR_INIT;
	if (container_state(g->root, c->argv[0], &i, &e) < 0)
		return report(g, 1, NULL, &e);
	AUTO_JSON *j = full_state(&i, "");
	json_dumpf(j, stdout, JSON_INDENT(2));
	return 0;
}

const struct verb verb_state = {
	.name = "state",
	.brief = "output the state of a container",
	.args = "<container-id>",
	.order = OPTIONS_ANYWHERE,
	.min_args = 1,
	.max_args = 1,
	.run = run_state,
};

/* The name that /etc/passwd has for uid, "#uid" without; owned. Not getpwuid(), which would load modules into this
 * static program. */
static char *owner_name(uid_t uid)
{
	AUTO_FREE char *line = NULL;
	size_t cap = 0;
	char *found = NULL;
	FILE *f = fopen("/etc/passwd", "re");
	while (f && !found && getline(&line, &cap, f) > 0) {
		AUTO_STRV char **p = str_split(line, ':');
		uint32_t n;
		if (strv_len(p) >= 3 && str_to_u32(p[2], &n) == 0 && n == uid)
			found = xstrdup(p[0]);
	}
	if (f)
		fclose(f);
	return found ? found : xasprintf("#%u", uid);
}

static void print_table(const json_t *all)
{
	static const char *const heads[] = { "ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER" };
	static const char *const keys[] = { "id", NULL, "status", "bundle", "created", "owner" };
	size_t i;
	json_t *c;
	AUTO_TABLE t = { .columns = ARRAY_LEN(heads) };
	for (size_t k = 0; k < ARRAY_LEN(heads); k++)
		table_add(&t, heads[k]);
	json_array_foreach(all, i, c)
	{
		char pid[16];
		snprintf(pid, sizeof(pid), "%lld", (long long)json_int_at(c, "pid", 0));
		for (size_t k = 0; k < ARRAY_LEN(keys); k++)
			table_add(&t, keys[k] ? json_str_or(c, keys[k], "") : pid);
	}
	table_print(&t, stdout);
}

struct list_flags {
	const char *format;
	bool quiet;
};

static const struct option_row list_rows[] = {
	{ "format", 'f', OPTION_TEXT, offsetof(struct list_flags, format), "select one of: table or json", "table", false },
	ROW(struct list_flags, quiet, OPTION_FLAG, "quiet", 'q', "display only container IDs"),
};

/* What goes away while we look is left out; what cannot be read is told, and the rest shown. */
static json_t *collect(const struct globals *g, char *const *ids)
{
	json_t *all = json_array();
	for (size_t i = 0; i < strv_len(ids); i++) {
		AUTO_CONTAINER_INFO info = { 0 };
		struct err e = ERR_INIT;
		int r = container_state(g->root, ids[i], &info, &e);
		if (r < 0) {
			if (r != -ENOENT)
				fprintf(stderr, "load container %s: %s\n", ids[i], err_text(&e));
			continue;
		}
		AUTO_FREE char *owner = owner_name(info.owner_uid);
		json_array_append_new(all, full_state(&info, owner));
	}
	return all;
}

static int run_list(const struct globals *g, const struct call *c)
{
	const struct list_flags *f = c->values;
	struct err e = ERR_INIT;
	AUTO_STRV char **ids = NULL;
	if (container_list(g->root, &ids, &e) < 0)
		return report(g, 1, NULL, &e);
	if (f->quiet) {
		for (size_t i = 0; i < strv_len(ids); i++)
			puts(ids[i]);
		return 0;
	}
	if (!str_eq(f->format, "table") && !str_eq(f->format, "json"))
		return report_text(g, 1, "invalid format option");
	AUTO_JSON *all = collect(g, ids);
	if (str_eq(f->format, "table")) {
		print_table(all);
		return 0;
	}
	AUTO_FREE char *text = json_array_size(all) ? json_text(all) : xstrdup("null");
	puts(text);
	return 0;
}

const struct verb verb_list = {
	.name = "list",
	.brief = "list the containers of the given root",
	.args = "",
	VERB_OPTIONS(struct list_flags, list_rows),
	.order = OPTIONS_ANYWHERE,
	.min_args = 0,
	.max_args = 0,
	.run = run_list,
};
