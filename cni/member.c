/* Types of a configuration's members.
 *
 * Happy path: each word of the table is walked along the configuration, and what stands at its end is of the type. Fails
 * naming the member: a number in quotes must not count as none. What always holds: values stay as they are. */
#include "cni/member.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"

#define STEP_MAX 64
#define DEPTH_MAX 8

/* Where a walk is. */
struct place {
	const struct place *up;
	const char *name; /* NULL: an index */
	size_t index;
};

static int wrong(const struct place *p, const char *wanted, struct err *e)
{
	AUTO_STR where = STR_INIT;
	const struct place *way[DEPTH_MAX];
	size_t n = 0;
	for (; p && n < DEPTH_MAX; p = p->up)
		way[n++] = p;
	while (n--) {
		if (way[n]->name)
			str_addf(&where, "%s%s", where.len ? "." : "", way[n]->name);
		else
			str_addf(&where, "[%zu]", way[n]->index);
	}
	return err_set(e, -EINVAL, "%s must be %s", str_text(&where), wanted);
}

static int check_type(const json_t *j, char type, const struct place *p, struct err *e)
{
	switch (type) {
	case 's':
		return json_is_string(j) ? 0 : wrong(p, "a text", e);
	case 'n':
		return json_is_integer(j) ? 0 : wrong(p, "a whole number", e);
	default:
		return json_is_boolean(j) ? 0 : wrong(p, "true or false", e);
	}
}

/* The member of this name, or of one with other capitals, which is then there under both. */
static json_t *get(json_t *object, const char *name)
{
	json_t *value = json_object_get(object, name), *other;
	const char *key;
	if (value)
		return value;
	json_object_foreach(object, key, other) if (!strcasecmp(key, name)) value = other;
	if (value)
		json_object_set(object, name, value);
	return value;
}

static int walk(json_t *j, const char *path, const struct place *p, struct err *e);

static int walk_list(json_t *j, const char *rest, const struct place *up, struct err *e)
{
	int r = 0;
	if (!json_is_array(j))
		return wrong(up, "a list", e);
	for (size_t i = 0; r >= 0 && i < json_array_size(j); i++)
		r = walk(json_array_get(j, i), rest, &(struct place){up, NULL, i}, e); // NOLINT(misc-no-recursion): as deep as the path
	return r;
}

static int walk_values(json_t *j, const char *rest, const struct place *up, struct err *e)
{
	const char *key;
	json_t *value;
	int r = 0;
	json_object_foreach(j, key, value) if (r >= 0)
	    r = walk(value, rest, &(struct place){up, key, 0}, e); // NOLINT(misc-no-recursion): as deep as the path
	return r;
}

/* path: what is left of a word, from its ':' on the type alone. */
static int walk(json_t *j, const char *path, const struct place *p, struct err *e)
{
	char step[STEP_MAX];
	size_t n = strcspn(path, ".: ");
	const char *rest = path + n + (path[n] == '.');
	if (json_is_null(j))
		return 0;
	if (*path == ':')
		return check_type(j, path[1], p, e);
	if (!strncmp(path, "[]", 2))
		return walk_list(j, rest, p, e); // NOLINT(misc-no-recursion): as deep as the path
	if (!json_is_object(j))
		return wrong(p, "an object", e);
	if (!strncmp(path, "{}", 2))
		return walk_values(j, rest, p, e); // NOLINT(misc-no-recursion): as deep as the path
	n = MIN(n, sizeof(step) - 1);
	memcpy(step, path, n);
	step[n] = '\0';
	json_t *child = get(j, step);
	return child ? walk(child, rest, &(struct place){p, step, 0}, e) : 0; // NOLINT(misc-no-recursion): as deep as the path
}

int member_check(json_t *conf, const char *spec, struct err *e)
{
	int r = 0;
	for (const char *word = spec; word && *word; word += strcspn(word, " "), word += strspn(word, " ")) {
		int one = walk(conf, word, NULL, r < 0 ? NULL : e);
		r = r < 0 ? r : one;
	}
	return r;
}
