/* What the tests of the engine share: the built-in schema, JSON from text, a main(). */
#ifndef KNARR_TESTS_SCHEMA_SUPPORT_H
#define KNARR_TESTS_SCHEMA_SUPPORT_H

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "cp/schema/patch.h"
#include "cp/schema/schema.h"

static struct schema *builtin;

__attribute__((unused)) static const struct kind *kind_named(const char *group, const char *plural)
{
	const struct kind *k = schema_find(builtin, group, "v1", plural);

	ck_assert_msg(k != NULL, "%s", plural);
	return k;
}

/* Parses JSON written with ' for ". Returns owned. */
__attribute__((unused)) static json_t *js(const char *text)
{
	AUTO_FREE char *copy = xstrdup(text);
	json_error_t error;
	json_t *j;

	for (char *p = copy; *p; p++)
		if (*p == '\'')
			*p = '"';
	j = json_loads(copy, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
	ck_assert_msg(j != NULL, "%s: %s", error.text, copy);
	return j;
}

/* Compares texts, so the order of members counts. */
__attribute__((unused)) static void assert_json(const json_t *got, const char *expected)
{
	AUTO_JSON *e = js(expected);
	AUTO_FREE char *a = json_dumps(got, JSON_COMPACT | JSON_ENCODE_ANY),
		       *b = json_dumps(e, JSON_COMPACT | JSON_ENCODE_ANY);

	ck_assert_str_eq(a, b);
}

/* "field: message" of every error, one a line. Returns owned. */
__attribute__((unused)) static char *error_lines(const struct field_errors *f)
{
	struct str out = STR_INIT;

	for (size_t i = 0; i < f->n; i++)
		str_addf(&out, "%s%s: %s", i ? "\n" : "", f->v[i].field, f->v[i].message);
	return str_take(&out);
}

__attribute__((unused)) static int run(const char *name, TCase *t)
{
	Suite *s = suite_create(name);
	SRunner *r = srunner_create(s);
	struct err e = ERR_INIT;
	int failed;

	if (schema_load_builtin(&builtin, &e) < 0) {
		fprintf(stderr, "%s\n", e.text);
		return 1;
	}
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	schema_free(builtin);
	return failed ? 1 : 0;
}

#endif
