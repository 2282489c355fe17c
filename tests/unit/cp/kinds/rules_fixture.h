/* Rules of a kind as a table: one accepted object, and one row a rule: what is changed, and the errors that it brings. */
#ifndef KNARR_TESTS_UNIT_CP_KINDS_RULES_FIXTURE_H
#define KNARR_TESTS_UNIT_CP_KINDS_RULES_FIXTURE_H

#include "tests/unit/check_main.h"

#include <string.h>

#include "base/json.h"
#include "cp/kinds/kind_ops.h"
#include "cp/schema/schema.h"

struct rule_row {
	const char *path;   /* of the member that is set: "spec.containers[0].env"; "" for the object */
	const char *value;  /* JSON; NULL: the member is removed */
	const char *errors; /* "field: message\n" of each, in order; "" none */
};

static struct schema *fixture_schema;

static const struct kind *fixture_kind(const char *group, const char *version, const char *name)
{
	struct err e = ERR_INIT;
	const struct kind *k;

	if (!fixture_schema)
		ck_assert_msg(schema_load_builtin(&fixture_schema, &e) == 0, "%s", err_text(&e));
	k = schema_find_kind(fixture_schema, group, version, name);
	ck_assert_msg(k != NULL, "no kind %s", name);
	return k;
}

/* Sets the member at a path with indexes; value is taken, NULL removes. */
static void fixture_set(json_t *object, const char *path, json_t *value)
{
	AUTO_FREE char *text = xstrdup(path);
	char *at = text, *key = NULL;
	json_t *holder = object;
	size_t index = 0;
	bool indexed = false;

	if (!*path) {
		json_object_update(object, value);
		json_decref(value);
		return;
	}
	for (;;) {
		key = at;
		indexed = false;
		at += strcspn(at, ".[");
		char sep = *at;
		*at = '\0';
		if (sep == '[') {
			json_t *list = json_object_get(holder, key);
			index = strtoul(at + 1, &at, 10);
			ck_assert_msg(json_is_array(list), "%s is no list", path);
			indexed = true;
			sep = at[1];
			holder = list;
			at++;
		}
		if (sep != '.')
			break;
		at++;
		holder = indexed ? json_array_get(holder, index) : json_object_get(holder, key);
		if (!holder)
			ck_abort_msg("no member on the way to %s", path);
	}
	if (indexed && value)
		json_array_set_new(holder, index, value);
	else if (indexed)
		json_array_remove(holder, index);
	else if (value)
		json_object_set_new(holder, key, value);
	else
		json_object_del(holder, key);
}

static json_t *fixture_load(const struct kind *k, const char *text, const struct rule_row *row, const json_t *old)
{
	const struct kind_ops *ops = kind_ops_find(k);
	struct err e = ERR_INIT;
	json_t *j = NULL;

	ck_assert_msg(json_parse(text, strlen(text), &j, &e) == 0, "%s", err_text(&e));
	if (row)
		fixture_set(j, row->path, row->value ? json_loads(row->value, JSON_DECODE_ANY, NULL) : NULL);
	ck_assert_msg(schema_decode(k, j, NULL, &e) == 0, "%s: %s", row ? row->path : "", err_text(&e));
	schema_default(k, j);
	if (ops->set_defaults)
		ops->set_defaults(j, old);
	return j;
}

static char *fixture_errors(const struct kind *k, const json_t *obj, const json_t *old)
{
	const struct kind_ops *ops = kind_ops_find(k);
	AUTO_FIELD_ERRORS f = {.schema = fixture_schema};
	struct str s = STR_INIT;

	schema_validate(k, obj, NULL, &f);
	if (old)
		schema_validate_update(k, obj, old, &f);
	if (ops->validate)
		ops->validate(obj, old, &f);
	for (size_t i = 0; i < f.n; i++)
		str_addf(&s, "%s: %s\n", f.v[i].field, f.v[i].message);
	return str_take(&s);
}

/* Each row by itself on text: created, or, where update is set, as an update of text. */
__attribute__((unused)) static void fixture_rules(const struct kind *k, const char *text, const struct rule_row *rows, size_t n, bool update)
{
	AUTO_JSON *base = fixture_load(k, text, NULL, NULL);
	AUTO_FREE char *none = fixture_errors(k, base, NULL);

	ck_assert_msg(!*none, "the accepted %s is not accepted:\n%s", k->kind, none);
	for (size_t i = 0; i < n; i++) {
		AUTO_JSON *j = fixture_load(k, text, &rows[i], update ? base : NULL);
		AUTO_FREE char *got = fixture_errors(k, j, update ? base : NULL);
		ck_assert_msg(!strcmp(got, rows[i].errors), "%s %s = %s\ngot:\n%swant:\n%s", k->kind, rows[i].path,
			      rows[i].value ? rows[i].value : "(removed)", got, rows[i].errors);
	}
}

#endif
