/* fieldValidation. Purpose: say what a body has that is lost in decoding. Happy path: there is nothing: the reader noted no
 * repeated member and decoding no unknown one. Nothing fails. What always holds: each thing is told once. */
#include "cp/api/strict.h"

#include <string.h>

#include "base/mem.h"

#define YAML_ERRORS "yaml: unmarshal errors:\n"

bool strict_asked(const struct req *q)
{
	return !q->local && !str_eq(req_param(q, "fieldValidation"), "Ignore");
}

bool strict_refuses(const struct req *q)
{
	return !q->local && str_eq(req_param(q, "fieldValidation"), "Strict");
}

/* The lines of the YAML reader are one error, as they come from one call there. */
static char *yaml_error(char *const *lines)
{
	struct str text = STR_INIT;
	str_add(&text, YAML_ERRORS);
	for (size_t i = 0; lines[i]; i++)
		str_addf(&text, "%s  %s", i ? "\n" : "", lines[i]);
	return str_take(&text);
}

static void add_repeats(struct req *q, const char *prefix, char *const *unknown, char ***ret)
{
	AUTO_STRV char **found = NULL;
	size_t len = 0;
	const char *text = q->x ? http_body(q->x, &len) : "";
	(void)schema_find_duplicates(text, len, unknown, &found);
	for (size_t i = 0; found && found[i]; i++) {
		AUTO_FREE char *line = xasprintf("%s%s", prefix, found[i]);
		strv_add(ret, line);
	}
}

char **strict_problems(struct req *q, bool typed, const char *prefix, char *const *unknown)
{
	char **all = NULL;
	if (q->repeats) {
		AUTO_FREE char *lines = yaml_error(q->repeats);
		strv_add(&all, lines);
	}
	if (q->repeats_json)
		add_repeats(q, prefix, typed ? unknown : NULL, &all);
	for (size_t i = 0; unknown && unknown[i] && !(q->repeats_json && typed); i++)
		strv_add(&all, unknown[i]);
	return all;
}

char *strict_error(char *const *problems)
{
	AUTO_FREE char *all = str_join((char **)problems, ", ");
	return xasprintf("strict decoding error: %s", all);
}

void strict_warn(struct req *q, char *const *problems)
{
	for (size_t i = 0; problems && problems[i]; i++) {
		const char *line = problems[i];
		if (!str_has_prefix(line, YAML_ERRORS)) {
			req_warn(q, line);
			continue;
		}
		for (line += strlen(YAML_ERRORS); *line;) {
			line += strspn(line, " ");
			AUTO_FREE char *one = xstrndup(line, strcspn(line, "\n"));
			req_warn(q, one);
			line += strlen(one);
			line += *line == '\n';
		}
	}
}
