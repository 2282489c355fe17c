/* knarr-oci spec and features. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/mem.h"
#include "cmd/oci/oci.h"

struct spec_flags {
	const char *bundle;
	bool rootless;
};

static const struct option_row rows[] = {
	ROW(struct spec_flags, bundle, OPTION_TEXT, "bundle", 'b', "path to the bundle directory (default: \".\")"),
	ROW(struct spec_flags, rootless, OPTION_FLAG, "rootless", 0, "for a container that an ordinary user runs"),
};

static int run_spec(const struct globals *g, const struct call *c)
{
	const struct spec_flags *f = c->values;
	struct err e = ERR_INIT;
	if (f->bundle && *f->bundle && chdir(f->bundle) < 0)
		return report_text(g, 1, "chdir %s: %m", f->bundle);
	if (fs_exists("config.json"))
		return report_text(g, 1, "File config.json exists. Remove it first");
	AUTO_JSON *j = container_spec_example(f->rootless);
	AUTO_FREE char *text = json_format(j, JSON_INDENT(4));
	return fs_write_atomic("config.json", text, strlen(text), 0666, &e) < 0 ? report(g, 1, NULL, &e) : 0;
}

const struct verb verb_spec = {
	.name = "spec",
	.brief = "create a new specification file",
	.args = "",
	.about = "Writes a config.json to start from: a shell in namespaces of its own. With --rootless, a user namespace in which\n"
		 "   the caller is root, and no cgroup limits.",
	VERB_OPTIONS(struct spec_flags, rows),
	.order = OPTIONS_ANYWHERE,
	.min_args = 0,
	.max_args = 0,
	.run = run_spec,
};

static int run_features(const struct globals *g, const struct call *c)
{
	(void)g;
	(void)c;
	AUTO_JSON *j = container_features();
	json_dumpf(j, stdout, JSON_INDENT(4));
	putchar('\n');
	return 0;
}

const struct verb verb_features = {
	.name = "features",
	.brief = "show the enabled features",
	.args = "",
	.about = "As JSON; the OCI runtime specification defines its fields in features.md.",
	.min_args = 0,
	.max_args = 0,
	.run = run_features,
};
