/* Rules that all custom resources share. Purpose: spec and status are written apart where the definition says so, and what
 * the scale subresource counts are numbers. Happy path: without a status subresource an object is written as a whole; with
 * one, each write changes its own part. Nothing fails. */
#include <stdlib.h>
#include <string.h>

#include "api/names.h"
#include "base/json.h"
#include "base/mem.h"
#include "cp/kinds/kinds.h"
#include "cp/schema/go_format.h"

static void drop_status(json_t *obj)
{
	json_object_del(obj, "status");
}

/* Everything but status and the managers comes from the old state. */
static void keep_all_but_status(json_t *obj, const json_t *old)
{
	json_t *status = json_incref(json_object_get(obj, "status")), *meta = json_object_get(obj, "metadata");
	json_t *managers = json_incref(json_object_get(meta, "managedFields"));
	json_t *version = json_incref(json_object_get(meta, "resourceVersion"));

	json_object_clear(obj);
	json_object_update(obj, (json_t *)old);
	json_object_set_new(obj, "metadata", json_clone(json_object_get(old, "metadata")));
	meta = json_object_get(obj, "metadata");
	if (managers)
		json_object_set_new(meta, "managedFields", managers);
	if (version)
		json_object_set_new(meta, "resourceVersion", version);
	if (status)
		json_object_set_new(obj, "status", status);
	else
		json_object_del(obj, "status");
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void warn_of_finalizer(const char *name, char ***warnings)
{
	static const char *const standard[] = {"kubernetes", "orphan", "foregroundDeletion", NULL};
	static const char general[] = "prefer a domain-qualified finalizer name including a path (/) to avoid accidental conflicts with "
				      "other finalizer writers";
	const char *why[NAME_CHECK_MAX + 1];
	size_t n = name_check_qualified_all(name, why);

	if (!strchr(name, '/') && !strv_has((char *const *)standard, name))
		why[n++] = general;
	for (size_t i = 0; i < n; i++) {
		AUTO_FREE char *text = xasprintf("metadata.finalizers: \"%s\": %s", name, why[i]);
		strv_add(warnings, text);
	}
}

/* Of finalizers that are new. */
static void custom_warn(const json_t *obj, const json_t *old, char ***warnings)
{
	const json_t *before = json_at(old, "metadata.finalizers");
	AUTO_STRV char **added = NULL;
	size_t i;
	json_t *v;

	json_array_foreach(json_at(obj, "metadata.finalizers"), i, v)
	{
		const char *name = json_string_value(v);
		if (!json_has_text(before, name) && !strv_has(added, name))
			strv_add(&added, name);
	}
	if (added)
		qsort(added, strv_len(added), sizeof(*added), by_text);
	for (i = 0; added && added[i]; i++)
		warn_of_finalizer(added[i], warnings);
}

static const char *go_type(const json_t *v)
{
	static const char *const names[] = {
	    [JSON_OBJECT] = "map[string]interface {}", [JSON_ARRAY] = "[]interface {}", [JSON_STRING] = "string", [JSON_INTEGER] = "int64",
	    [JSON_REAL] = "float64",		       [JSON_TRUE] = "bool",		[JSON_FALSE] = "bool",	   [JSON_NULL] = "<nil>"};

	return names[json_typeof(v)];
}

static void misfit(const char *path, const char *at, const json_t *shown, const json_t *v, const char *wanted, struct field_errors *errors)
{
	AUTO_FREE char *text = go_format(v);

	field_invalid(errors, path, shown, "%s accessor error: %s is of the type %s, expected %s", at, text, go_type(v), wanted);
}

/* What a path like ".spec.replicas" leads to; NULL: nothing. What it has to go through are objects. */
static const json_t *follow(const json_t *object, const char *path, const json_t *shown, struct field_errors *errors)
{
	AUTO_STRV char **names = str_split(path + (*path == '.'), '.');
	AUTO_STR at = STR_INIT;

	for (size_t i = 0; names && names[i] && object; i++) {
		str_addf(&at, ".%s", names[i]);
		if (!json_is_object(object)) {
			misfit(path, str_text(&at), shown, object, "map[string]interface{}", errors);
			return NULL;
		}
		object = json_object_get(object, names[i]);
	}
	return object;
}

static void check_replicas(const json_t *object, const char *path, struct field_errors *errors)
{
	AUTO_JSON *zero = json_integer(0);
	const json_t *v = path ? follow(object, path, zero, errors) : NULL;

	if (v && !json_is_integer(v))
		misfit(path, path, zero, v, "int64", errors);
	else if (v && json_integer_value(v) < 0)
		field_invalid(errors, path, v, "should be a non-negative integer");
	else if (v && json_integer_value(v) > INT32_MAX)
		field_invalid(errors, path, v, "should be less than or equal to %d", INT32_MAX);
}

void custom_validate_scale(const struct kind *k, const json_t *object, bool status, struct field_errors *errors)
{
	AUTO_JSON *none = json_string("");
	const json_t *selector;

	if (!status)
		check_replicas(object, k->custom->replicas, errors);
	check_replicas(object, k->custom->status_replicas, errors);
	selector = k->custom->selector ? follow(object, k->custom->selector, none, errors) : NULL;
	if (selector && !json_is_string(selector))
		misfit(k->custom->selector, k->custom->selector, none, selector, "string", errors);
}

const struct kind_ops custom_ops = {.group = "", .kind = "", .warn = custom_warn};
const struct kind_ops custom_status_ops = {.group = "",
					   .kind = "",
					   .warn = custom_warn,
					   .prepare_create = drop_status,
					   .prepare_update = kind_keep_status,
					   .prepare_status = keep_all_but_status,
					   .has_status = true};
