/* JSON Patch (RFC 6902) and JSON Merge Patch (RFC 7396).
 *
 * A JSON patch is a list of operations, each found by name in a table and applied to a copy of the document; the first
 * that fails ends it. -EINVAL: the patch is no list of operations; -ENOENT: an operation is unknown or lacks something, a
 * path or a test does not hold; -E2BIG: too many operations, too deep, or copies that would blow the document up. An
 * index below 0 counts from the end; what stands before a path's first slash is not looked at. What always holds: doc is never changed. */
#include <errno.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "cp/schema/patch.h"

#define MAX_OPERATIONS 10000
#define MAX_DEPTH 1000
#define MAX_COPIED (4 * 1024 * 1024) /* values and bytes of text, over all copies */

struct patcher {
	json_t *doc;
	size_t copied;
	struct err *e;
};

/* The last step of a pointer: where in which container. */
struct target {
	json_t *parent;
	char *key; /* unescaped */
	size_t depth;
};

static void target_done(struct target *t)
{
	free_ptr(&t->key);
}

/* ~1 is "/", ~0 is "~". */
static char *unescape(const char *s, size_t n)
{
	char *out = xmalloc(n + 1), *p = out;

	for (size_t i = 0; i < n; i++) {
		if (s[i] == '~' && i + 1 < n && (s[i + 1] == '0' || s[i + 1] == '1'))
			*p++ = s[++i] == '0' ? '~' : '/';
		else
			*p++ = s[i];
	}
	*p = '\0';
	return out;
}

/* An array index of at most max, counted from the end where it is below 0; -1 otherwise. */
static long array_index(const char *key, size_t max, size_t end)
{
	int64_t v;

	if (str_to_i64(key, &v) < 0 || v > (int64_t)max || v < -(int64_t)end)
		return -1;
	return (long)(v < 0 ? v + (int64_t)end : v);
}

/* The index of an element that is there; -1 otherwise. */
static long element_index(const json_t *list, const char *key)
{
	long i = array_index(key, json_array_size(list), json_array_size(list));

	return i < (long)json_array_size(list) ? i : -1;
}

static json_t *step(json_t *j, const char *key)
{
	long i;

	if (json_is_object(j))
		return json_object_get(j, key);
	i = json_is_array(j) ? element_index(j, key) : -1;
	return i < 0 ? NULL : json_array_get(j, (size_t)i);
}

static int find_target(struct patcher *p, const char *pointer, struct target *ret)
{
	json_t *at = p->doc;
	size_t n;

	*ret = (struct target){0};
	pointer += strcspn(pointer, "/");
	if (!*pointer)
		return err_set(p->e, -ENOENT, "a path needs a /");
	for (;;) {
		n = strcspn(++pointer, "/");
		AUTO_FREE char *key = unescape(pointer, n);

		ret->depth++;
		pointer += n;
		if (!*pointer) {
			ret->parent = at;
			ret->key = TAKE(key);
			break;
		}
		at = step(at, key);
		if (!at)
			return err_set(p->e, -ENOENT, "doc is missing path: \"%s\"", key);
	}
	if (!json_is_object(ret->parent) && !json_is_array(ret->parent)) {
		target_done(ret);
		return err_set(p->e, -ENOENT, "the path leads into something that is neither an object nor a list");
	}
	return 0;
}

static json_t *target_value(const struct target *t)
{
	return step(t->parent, t->key);
}

/* Counts the values and bytes of a value; SIZE_MAX when it is deeper than allowed. */
static size_t cost(const json_t *j, size_t depth)
{
	size_t n = 1 + json_string_length(j), below, i;
	const char *key;
	json_t *value;

	if (depth > MAX_DEPTH)
		return SIZE_MAX;
	json_object_foreach((json_t *)j, key, value)
	{
		below = cost(value, depth + 1);
		if (below == SIZE_MAX)
			return below;
		n += below + strlen(key);
	}
	json_array_foreach(j, i, value)
	{
		below = cost(value, depth + 1);
		if (below == SIZE_MAX)
			return below;
		n += below;
	}
	return n;
}

/* A copy that may be put at depth. NULL when it would be too much. */
static json_t *bounded_copy(struct patcher *p, const json_t *value, size_t depth)
{
	size_t n = cost(value, depth);

	if (n == SIZE_MAX || n > MAX_COPIED - p->copied)
		return NULL;
	p->copied += n;
	return json_clone(value);
}

static int too_big(struct patcher *p)
{
	return err_set(p->e, -E2BIG, "the patch makes the document too large or too deep");
}

/* Takes value. */
static int put(struct patcher *p, const struct target *t, json_t *value)
{
	long i;

	if (json_is_object(t->parent)) {
		json_object_set_new_nocheck(t->parent, t->key, value);
		return 0;
	}
	i = strcmp(t->key, "-") ? array_index(t->key, json_array_size(t->parent), json_array_size(t->parent) + 1)
				: (long)json_array_size(t->parent);
	if (i < 0) {
		json_decref(value);
		return err_set(p->e, -ENOENT, "no place in the list: \"%s\"", t->key);
	}
	json_array_insert_new(t->parent, (size_t)i, value);
	return 0;
}

static int take_out(struct patcher *p, const struct target *t)
{
	if (!target_value(t))
		return err_set(p->e, -ENOENT, "unable to remove nonexistent key: \"%s\"", t->key);
	if (json_is_object(t->parent))
		json_object_del(t->parent, t->key);
	else
		json_array_remove(t->parent, (size_t)element_index(t->parent, t->key));
	return 0;
}

struct operation {
	struct target at;
	const char *from; /* NULL where there is none */
	const json_t *value;
};

static int op_add(struct patcher *p, const struct operation *o)
{
	json_t *value = bounded_copy(p, o->value, o->at.depth);

	return value ? put(p, &o->at, value) : too_big(p);
}

static int op_remove(struct patcher *p, const struct operation *o)
{
	return take_out(p, &o->at);
}

static int op_replace(struct patcher *p, const struct operation *o)
{
	json_t *old = target_value(&o->at), *value;

	if (!old)
		return err_set(p->e, -ENOENT, "replace operation does not apply: missing key \"%s\"", o->at.key);
	value = bounded_copy(p, o->value, o->at.depth);
	if (!value)
		return too_big(p);
	if (json_is_array(o->at.parent))
		return json_array_set_new(o->at.parent, (size_t)element_index(o->at.parent, o->at.key), value);
	return put(p, &o->at, value);
}

static int op_test(struct patcher *p, const struct operation *o)
{
	json_t *value = target_value(&o->at);

	if ((!value && json_is_null(o->value)) || (value && json_equal(value, o->value)))
		return 0;
	return err_set(p->e, -ENOENT, "testing value %s failed", o->at.key);
}

static int op_copy(struct patcher *p, const struct operation *o)
{
	AUTO(target_done) struct target from = {0};
	json_t *value;
	int r = find_target(p, o->from, &from);

	if (r < 0)
		return r;
	value = target_value(&from);
	if (!value)
		return err_set(p->e, -ENOENT, "copy operation does not apply: missing key \"%s\"", o->from);
	value = bounded_copy(p, value, o->at.depth);
	return value ? put(p, &o->at, value) : too_big(p);
}

/* The value goes out first, so the place it goes to is looked up again. */
static int move_value(struct patcher *p, const char *from_pointer, const char *to_pointer)
{
	AUTO(target_done) struct target from = {0}, to = {0};
	AUTO_JSON *value = NULL;
	int r = find_target(p, from_pointer, &from);

	if (r < 0)
		return r;
	value = json_incref(target_value(&from));
	r = take_out(p, &from);
	if (r < 0)
		return r;
	r = find_target(p, to_pointer, &to);
	if (r < 0)
		return r;
	if (cost(value, to.depth) == SIZE_MAX)
		return too_big(p);
	return put(p, &to, TAKE(value));
}

static const struct {
	const char *name;
	int (*apply)(struct patcher *p, const struct operation *o); /* NULL: move, which looks its target up itself */
	bool needs_from;
} operations[] = {
    {"add", op_add, false},   {"remove", op_remove, false}, {"replace", op_replace, false},
    {"test", op_test, false}, {"copy", op_copy, true},      {"move", NULL, true},
};

static int apply_operation(struct patcher *p, const json_t *op)
{
	const char *name = json_member(op, "op"), *path = json_member(op, "path");
	AUTO_JSON *none = json_null();
	const json_t *value = json_object_get(op, "value");
	struct operation o = {.from = json_member(op, "from"), .value = value ? value : none};
	size_t i, from_len;
	int r;

	for (i = 0; i < ARRAY_LEN(operations) && !str_eq(operations[i].name, name); i++)
		;
	if (i == ARRAY_LEN(operations))
		return err_set(p->e, -ENOENT, "Unexpected kind: %s", name ? name : "unknown");
	if (!path || (operations[i].needs_from && !o.from))
		return err_set(p->e, -ENOENT, "the operation %s lacks path or from", name);
	if (!operations[i].apply) {
		from_len = strlen(o.from);
		if (str_has_prefix(path, o.from) && path[from_len] == '/')
			return err_set(p->e, -ENOENT, "cannot move a value into itself");
		return strcmp(path, o.from) ? move_value(p, o.from, path) : 0;
	}
	r = find_target(p, path, &o.at);
	if (r < 0)
		return r;
	r = operations[i].apply(p, &o);
	target_done(&o.at);
	return r;
}

int patch_json(const json_t *doc, const json_t *patch, json_t **ret, struct err *e)
{
	struct patcher p = {.e = e};
	json_t *op;
	size_t i;
	int r = 0;

	if (!json_is_array(patch))
		return err_set(e, -EINVAL, "a JSON patch must be a list of operations");
	if (json_array_size(patch) > MAX_OPERATIONS)
		return err_set(e, -E2BIG, "The allowed maximum operations in a JSON patch is %d, got %zu",
			       MAX_OPERATIONS, json_array_size(patch));
	p.doc = json_clone(doc);
	json_array_foreach(patch, i, op)
	{
		r = apply_operation(&p, op);
		if (r < 0)
			break;
	}
	if (r < 0) {
		json_decref(p.doc);
		return r;
	}
	*ret = p.doc;
	return 0;
}

/* --- merge patch ----------------------------------------------------------------------------------------------------
 */

/* Takes doc (NULL for none), returns the merged value owned. */
static json_t *merge(json_t *doc, const json_t *patch)
{
	const char *key;
	json_t *value, *old;

	if (!json_is_object(patch)) {
		json_decref(doc);
		return json_clone(patch);
	}
	if (!json_is_object(doc)) {
		json_decref(doc);
		doc = json_object();
	}
	json_object_foreach((json_t *)patch, key, value)
	{
		if (json_is_null(value)) {
			json_object_del(doc, key);
			continue;
		}
		old = json_incref(json_object_get(doc, key));
		json_object_set_new_nocheck(doc, key, merge(old, value));
	}
	return doc;
}

int patch_merge(const json_t *doc, const json_t *patch, json_t **ret, struct err *e)
{
	if (!json_is_object(patch))
		return err_set(e, -EINVAL, "a merge patch must be an object");
	*ret = merge(json_clone(doc), patch);
	return 0;
}
