/* knarr-oci delete. */
#include <errno.h>
#include <regex.h>

#include "base/mem.h"
#include "base/str.h"
#include "cmd/oci/oci.h"

struct delete_flags {
	bool force, regex;
};

static const struct option_row rows[] = {
	ROW(struct delete_flags, force, OPTION_FLAG, "force", 'f', "kill the container first if it still runs; absent is fine"),
	ROW(struct delete_flags, regex, OPTION_FLAG, "regex", 'r', "the id is an extended regular expression: delete all that match"),
};

static int delete_matching(const struct globals *g, const char *pattern, bool force)
{
	AUTO_STRV char **ids = NULL;
	struct err e = ERR_INIT;
	regex_t re;
	int status = 0;
	if (regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB) != 0)
		return report_text(g, 1, "invalid regular expression \"%s\"", pattern);
	int r = container_list(g->root, &ids, &e);
	if (r < 0)
		status = report(g, 1, NULL, &e);
	for (size_t i = 0; i < strv_len(ids); i++) {
		struct err mine = ERR_INIT;
		if (regexec(&re, ids[i], 0, NULL, 0) == 0 && container_delete(g->root, ids[i], force, &mine) < 0)
			status = report(g, 1, ids[i], &mine);
	}
	regfree(&re);
	return status;
}

static int run_delete(const struct globals *g, const struct call *c)
{
	const struct delete_flags *f = c->values;
	struct err e = ERR_INIT;
	if (f->regex)
		return delete_matching(g, c->argv[0], f->force);
	return container_delete(g->root, c->argv[0], f->force, &e) < 0 ? report(g, 1, NULL, &e) : 0;
}

const struct verb verb_delete = {
	.name = "delete",
	.brief = "delete any resources held by the container",
	.args = "<container-id>",
	VERB_OPTIONS(struct delete_flags, rows),
	.order = OPTIONS_ANYWHERE,
	.min_args = 1,
	.max_args = 1,
	.run = run_delete,
};
