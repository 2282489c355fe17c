/* knarr image import|ls|rm: the node's local images. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/cli.h"
#include "rootfs/image_store.h"

static const char usage[] =
	"Usage: knarr image [--data-dir DIR] COMMAND\n\n"
	"  import [-n NAME] FILE...   import OCI image layouts or docker archives (tar or directory)\n"
	"  ls                         list images\n"
	"  rm [-f] IMAGE...           remove by name, id or digest\n";

static int open_store(const struct node_options *o, struct image_store **ret, struct err *e)
{
	AUTO_FREE char *dir = xasprintf("%s/images", o->data_dir);
	return image_store_open(dir, ret, e);
}

static int import(struct image_store *s, int argc, char **argv, struct err *e)
{
	const char *name = NULL;
	int at = 1;
	if (argc > 2 && !strcmp(argv[1], "-n")) {
		name = argv[2];
		at = 3;
	}
	if (at >= argc)
		return err_set(e, -EINVAL, "knarr image import: FILE is missing");
	for (; at < argc; at++) {
		AUTO_STRV char **names = NULL;
		int r = image_import(s, argv[at], name, &names, e);
		if (r < 0)
			return r;
		for (char **n = names; n && *n; n++)
			printf("imported %s\n", *n);
	}
	return 0;
}

static void print_image(const struct image *i, const char *name)
{
	char age[24];
	duration_human(clock_wall_ms() - i->created_ms, age);
	printf("%-56s %-14.12s %-8s %8.1f MB\n", name, i->id + 7, age, (double)i->size_bytes / 1e6);
}

static int list(struct image_store *s, int argc, char **argv, struct err *e)
{
	struct image **v = NULL;
	size_t n = 0;
	(void)argc;
	(void)argv;
	int r = image_list(s, &v, &n, e);
	if (r < 0)
		return r;
	printf("%-56s %-14s %-8s %11s\n", "IMAGE", "ID", "AGE", "SIZE");
	for (size_t i = 0; i < n; i++) {
		for (char **name = v[i]->names; *name; name++)
			print_image(v[i], *name);
		if (!*v[i]->names)
			print_image(v[i], "<none>");
		image_free(v[i]);
	}
	free(v);
	return 0;
}

static int remove_images(struct image_store *s, int argc, char **argv, struct err *e)
{
	bool force = argc > 1 && (!strcmp(argv[1], "-f") || !strcmp(argv[1], "--force"));
	int r = 0;
	if (argc < 2 + force)
		return err_set(e, -EINVAL, "knarr image rm: IMAGE is missing");
	for (int i = 1 + force; r == 0 && i < argc; i++) {
		r = image_remove(s, argv[i], force, e);
		if (r == 0)
			printf("removed %s\n", argv[i]);
	}
	return r;
}

static const struct {
	const char *name;
	int (*run)(struct image_store *s, int argc, char **argv, struct err *e);
} commands[] = { { "import", import }, { "ls", list }, { "list", list }, { "rm", remove_images } };

int cmd_image(int argc, char **argv)
{
	struct node_options o = { 0 };
	struct err e = ERR_INIT;
	struct image_store *s = NULL;
	int at = argc > 1 && !strcmp(argv[1], "--help") ? argc : node_options_parse(&o, argc, argv, &e), r = -EINVAL;
	if (at > 0 && at < argc) {
		err_set(&e, -EINVAL, "knarr image: unknown command \"%s\"", argv[at]);
		for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
			if (strcmp(argv[at], commands[i].name))
				continue;
			e = ERR_INIT;
			r = open_store(&o, &s, &e);
			if (r == 0)
				r = commands[i].run(s, argc - at, argv + at, &e);
			break;
		}
	}
	image_store_close(s);
	node_options_done(&o);
	if (r < 0 && e.code)
		fprintf(stderr, "knarr: %s\n", err_text(&e));
	else if (r < 0)
		fputs(usage, at >= argc ? stdout : stderr);
	return r < 0 ? (e.code || at < argc) : 0;
}
