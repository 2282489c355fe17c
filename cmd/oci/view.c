/* knarr-oci state, list, ps, spec, features. */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/mem.h"
#include "cmd/oci/oci.h"

static void print_json(const json_t *j)
{
	json_dumpf(j, stdout, JSON_INDENT(2));
	putchar('\n');
}

/* What runc adds to the OCI state: rootfs, creation time, owner; pid 0 once stopped. */
static json_t *full_state(const struct container_info *i)
{
	char when[RFC3339_MAX];
	json_t *j = container_state_json(i);
	json_object_set_new(j, "pid", json_integer(i->pid));
	json_object_set_new(j, "rootfs", json_string(i->rootfs));
	json_object_set_new(j, "created", json_string(rfc3339_nano(i->created_us / 1000000, (int)(i->created_us % 1000000) * 1000, when)));
	json_object_set_new(j, "owner", json_string(i->owner_uid == 0 ? "root" : ""));
	return j;
}

int verb_state(const struct globals *g, int argc, char **argv)
{
	AUTO_CONTAINER_INFO i = { 0 };
	struct err e = ERR_INIT;
	int at = parse_options(g, argc, argv, NULL, 0, false, "state <container-id>");
	if (at < 0)
		return PARSE_EXIT(at);
	const char *id = only_id(g, argc, argv, at);
	if (!id)
		return 1;
	if (container_state(g->root, id, &i, &e) < 0)
		return report(g, 1, NULL, &e);
	AUTO_JSON *j = full_state(&i);
	print_json(j);
	return 0;
}

static void print_table(json_t *all)
{
	size_t i, width = 2;
	json_t *c;
	json_array_foreach(all, i, c) width = MAX(width, strlen(json_str_at(c, "id")));
	printf("%-*s %-11s %-11s %-20s %-35s %s\n", (int)width + 2, "ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER");
	json_array_foreach(all, i, c)
		printf("%-*s %-11lld %-11s %-20s %-35s %s\n", (int)width + 2, json_str_at(c, "id"),
		       (long long)json_int_at(c, "pid", 0), json_str_at(c, "status"), json_str_at(c, "bundle"),
		       json_str_at(c, "created"), json_str_at(c, "owner"));
}

int verb_list(const struct globals *g, int argc, char **argv)
{
	const char *format = "table";
	bool quiet = false;
	struct err e = ERR_INIT;
	const struct option_row rows[] = { { "format", 'f', &format, NULL, NULL, "table or json" },
					   { "quiet", 'q', NULL, &quiet, NULL, "only the ids" } };
	int at = parse_options(g, argc, argv, rows, ARRAY_LEN(rows), false, "list [options]");
	if (at < 0)
		return PARSE_EXIT(at);
	if (strcmp(format, "table") && strcmp(format, "json"))
		return report_text(g, 1, "invalid format option");
	AUTO_STRV char **ids = NULL;
	AUTO_JSON *all = json_array();
	if (container_list(g->root, &ids, &e) < 0)
		return report(g, 1, NULL, &e);
	for (size_t i = 0; i < strv_len(ids); i++) {
		AUTO_CONTAINER_INFO info = { 0 };
		if (quiet)
			puts(ids[i]);
		else if (container_state(g->root, ids[i], &info, NULL) == 0) /* else: deleted meanwhile */
			json_array_append_new(all, full_state(&info));
	}
	if (quiet)
		return 0;
	if (!strcmp(format, "json"))
		print_json(all);
	else
		print_table(all);
	return 0;
}

static int run_ps(pid_t *pids, size_t n, char *const *args)
{
	char **argv = NULL;
	strv_add(&argv, "ps");
	for (size_t i = 0; args[i]; i++)
		strv_add(&argv, args[i]);
	if (!args[0])
		strv_add(&argv, "-ef");
	/* ps itself selects by its own flags; what is not of the container is filtered by the PID column. */
	AUTO_STR command = STR_INIT;
	for (size_t i = 0; argv[i]; i++)
		str_addf(&command, "%s'%s'", i ? " " : "", strchr(argv[i], '\'') ? "" : argv[i]);
	free_strv(&argv);
	FILE *f = popen(str_text(&command), "re");
	char *line = NULL;
	size_t cap = 0;
	int column = -1;
	while (f && getline(&line, &cap, f) > 0) {
		AUTO_FREE char *copy = xstrdup(line);
		char *save = NULL, *word = strtok_r(copy, " \n", &save);
		bool show = column < 0;
		for (int k = 0; word; k++, word = strtok_r(NULL, " \n", &save)) {
			if (column < 0 && !strcmp(word, "PID"))
				column = k;
			else if (k == column)
				for (size_t p = 0; p < n; p++)
					show |= pids[p] == atoi(word);
		}
		if (show)
			fputs(line, stdout);
	}
	free(line);
	return f && pclose(f) == 0 && column >= 0 ? 0 : 1;
}

int verb_ps(const struct globals *g, int argc, char **argv)
{
	const char *format = "table";
	struct err e = ERR_INIT;
	AUTO_FREE pid_t *pids = NULL;
	size_t n = 0;
	const struct option_row rows[] = { { "format", 'f', &format, NULL, NULL, "table or json" } };
	int at = parse_options(g, argc, argv, rows, ARRAY_LEN(rows), true, "ps [options] <container-id> [ps options]");
	if (at < 0)
		return PARSE_EXIT(at);
	if (argc - at < 1)
		return report_text(g, 1, "\"knarr-oci ps\" requires a container id");
	if (strcmp(format, "table") && strcmp(format, "json"))
		return report_text(g, 1, "invalid format option");
	if (container_pids(g->root, argv[at], &pids, &n, &e) < 0)
		return report(g, 1, NULL, &e);
	if (!strcmp(format, "table"))
		return run_ps(pids, n, argv + at + 1);
	AUTO_JSON *list = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_integer(pids[i]));
	json_dumpf(list, stdout, JSON_COMPACT);
	putchar('\n');
	return 0;
}

int verb_spec(const struct globals *g, int argc, char **argv)
{
	const char *bundle = ".";
	bool rootless = false;
	struct err e = ERR_INIT;
	const struct option_row rows[] = { { "bundle", 'b', &bundle, NULL, NULL, "path to the bundle directory" },
					   { "rootless", 0, NULL, &rootless, NULL, "for an ordinary user" } };
	int at = parse_options(g, argc, argv, rows, ARRAY_LEN(rows), false, "spec [options]");
	if (at < 0)
		return PARSE_EXIT(at);
	AUTO_FREE char *path = xasprintf("%s/config.json", bundle);
	if (fs_exists(path))
		return report_text(g, 1, "File config.json exists. Remove it first");
	AUTO_JSON *j = container_spec_example(rootless);
	AUTO_FREE char *text = json_dumps(j, JSON_INDENT(4));
	return fs_write_atomic(path, text, strlen(text), 0666, &e) < 0 ? report(g, 1, NULL, &e) : 0;
}

int verb_features(const struct globals *g, int argc, char **argv)
{
	int at = parse_options(g, argc, argv, NULL, 0, false, "features");
	if (at < 0)
		return PARSE_EXIT(at);
	AUTO_JSON *j = container_features();
	print_json(j);
	return 0;
}
