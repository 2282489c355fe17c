/* The tables against the list of every type and field of the reference (one level above the checkout), where it is
 * there: prints what is covered and fails below 100 %. Without it only the tables' own consistency is checked. */
#include "base/fs.h"
#include "base/map.h"
#include "tests/unit/cp/schema/support.h"

#define LIST "../shared/kubernetes-1.36/types.txt"

/* Bodies and answers that are no kinds; the kinds are taken from the tables. */
static const char *const roots[] = {
    "autoscaling.v1.Scale", "policy.v1.Eviction",	 "meta.v1.DeleteOptions", "meta.v1.Status",
    "meta.v1.LabelSelector", "meta.v1.ListMeta",
};

static const struct {
	const char *theirs;
	enum type_class class;
	int bits;
} scalars[] = {
    {"string", TYPE_STRING, 0},
    {"integer/int32", TYPE_INTEGER, 32},
    {"integer/int64", TYPE_INTEGER, 64},
    {"boolean", TYPE_BOOLEAN, 0},
    {"string/byte", TYPE_BYTES, 0},
    {"meta.v1.Time", TYPE_TIME, 0},
    {"meta.v1.MicroTime", TYPE_MICROTIME, 0},
    {"api.resource.Quantity", TYPE_QUANTITY, 0},
    {"util.intstr.IntOrString", TYPE_INT_OR_STRING, 0},
    {"meta.v1.FieldsV1", TYPE_ANY, 0},
    {"runtime.RawExtension", TYPE_ANY, 0},
    {"number/double", TYPE_NUMBER, 0},
};

struct counts {
	int fields, missing;
};

static bool type_agrees(const struct type *t, const char *theirs)
{
	size_t n = strlen(theirs);

	if (str_has_prefix(theirs, "[]"))
		return t->class == TYPE_LIST && type_agrees(t->elem, theirs + 2);
	if (str_has_prefix(theirs, "map[")) {
		AUTO_FREE char *inner = xstrndup(theirs + 4, n - 5);

		return t->class == TYPE_MAP && type_agrees(t->elem, inner);
	}
	for (size_t i = 0; i < ARRAY_LEN(scalars); i++)
		if (!strcmp(scalars[i].theirs, theirs))
			return t->class == scalars[i].class && (!scalars[i].bits || t->bits == scalars[i].bits);
	return (t->class == TYPE_OBJECT || t->class == TYPE_ANY) && str_eq(t->name, theirs);
}

/* list=map(a,b), patch=merge(a) of the reference's line against the field. */
static bool attributes_agree(const struct field *f, char **words)
{
	AUTO_STR list = STR_INIT, patch = STR_INIT;
	bool required = false, says_list = false, says_patch = false;

	if (f->list_type == LIST_MAP) {
		AUTO_FREE char *keys = str_join((char *const *)f->list_keys, ",");

		str_addf(&list, "list=map(%s)", keys);
	} else {
		str_addf(&list, "list=%s", f->list_type == LIST_SET ? "set" : "atomic");
	}
	str_addf(&patch, "patch=%s%s%s", f->patch & PATCH_MERGE ? "merge" : "",
		 f->patch == (PATCH_MERGE | PATCH_RETAIN_KEYS) ? "," : "",
		 f->patch & PATCH_RETAIN_KEYS ? "retainKeys" : "");
	if (f->patch_replaces)
		str_add(&patch, "replace");
	if (f->patch_key)
		str_addf(&patch, "(%s)", f->patch_key);
	for (size_t i = 2; words[i]; i++) {
		required |= !strcmp(words[i], "required");
		if (str_has_prefix(words[i], "list=") && (says_list = true) && strcmp(words[i], str_text(&list)))
			return false;
		if (str_has_prefix(words[i], "patch=") && (says_patch = true) && strcmp(words[i], str_text(&patch)))
			return false;
		if (!strcmp(words[i], "map=atomic") && !f->type->atomic_map)
			return false;
	}
	if ((f->list_type != LIST_ATOMIC && !says_list) || (f->patch && !says_patch))
		return false;
	return !required || f->required || f->always || f->type->class == TYPE_OBJECT;
}

static char **words_of(char *line)
{
	char **words = NULL, *save = NULL;

	for (char *w = strtok_r(line, " ", &save); w; w = strtok_r(NULL, " ", &save))
		strv_add(&words, w);
	return words;
}

static void check_field(const struct type *t, char *line, struct counts *c)
{
	AUTO_STRV char **words = words_of(line);
	const struct field *f = type_field(t, words[0]);

	c->fields++;
	if (f && type_agrees(f->type, words[1]) && attributes_agree(f, words))
		return;
	c->missing++;
	printf("%s.%s %s: %s\n", t->name, words[0], words[1], f ? "differs" : "missing");
}

static void reach(struct map *seen, const struct type *t)
{
	while (t->class == TYPE_LIST || t->class == TYPE_MAP)
		t = t->elem;
	if (t->class != TYPE_OBJECT || map_has(seen, t->name))
		return;
	map_set(seen, t->name, (void *)t);
	for (size_t i = 0; i < t->n_fields; i++)
		reach(seen, t->fields[i].type);
}

static struct map *reachable(void)
{
	struct map *seen = map_new(NULL);
	const struct kind *k;

	for (size_t i = 0; (k = schema_kind_nth(builtin, i)); i++)
		reach(seen, k->type);
	for (size_t i = 0; i < ARRAY_LEN(roots); i++) {
		ck_assert_msg(schema_type(builtin, roots[i]) != NULL, "%s", roots[i]);
		reach(seen, schema_type(builtin, roots[i]));
	}
	return seen;
}

static void check_type_line(const char *name, const char *rest, struct map *seen, const struct type **ret)
{
	*ret = map_get(seen, name);
	if (*ret && strstr(rest, "map-type=\"atomic\""))
		ck_assert_msg((*ret)->atomic_map, "%s is atomic", name);
}

START_TEST(against_the_list)
{
	AUTO_STR text = STR_INIT;
	AUTO_MAP *seen = reachable(), *found = map_new(NULL);
	const struct type *t = NULL;
	struct counts c = {0};
	char *save = NULL;

	if (fs_read_file(LIST, 16 << 20, &text, NULL) < 0) {
		printf("SKIP: %s is not there; only the tables' own consistency is checked\n", LIST);
		return;
	}
	for (char *line = strtok_r(text.p, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (line[0] != ' ') {
			AUTO_FREE char *name = xstrndup(line, strcspn(line, " "));

			check_type_line(name, line, seen, &t);
			if (t)
				map_set(found, name, (void *)t);
		} else if (t) {
			check_field(t, line, &c);
		}
	}
	printf("coverage: %zu types, %d of %d fields (%.1f %%)\n", map_len(found), c.fields - c.missing, c.fields,
	       100.0 * (c.fields - c.missing) / c.fields);
	ck_assert_int_eq(c.missing, 0);
	ck_assert_uint_eq(map_len(found), map_len(seen));
	ck_assert_int_gt(c.fields, 2000);
}
END_TEST

/* Defaults and enums of every field suit its type. */
START_TEST(consistency)
{
	AUTO_MAP *seen = reachable();
	const char *name;
	const struct type *t;

	for (size_t at = 0; map_next(seen, &at, &name, &t);) {
		ck_assert_msg(t->n_fields > 0 || str_has_suffix(name, ".CustomResourceSubresourceStatus"), "%s has no fields",
			      name);
		for (size_t i = 0; i < t->n_fields; i++) {
			const struct field *f = &t->fields[i];
			AUTO_JSON *object =
			    f->default_ ? json_pack("{s:o}", f->name, json_deep_copy(f->default_)) : NULL;
			AUTO_FIELD_ERRORS errors = {0};

			ck_assert_msg(!f->enum_ || f->type->class == TYPE_STRING || f->type->class == TYPE_LIST,
				      "%s.%s", name, f->name);
			ck_assert_msg(!object || !schema_decode_type(t, object, NULL, NULL), "%s.%s", name, f->name);
			ck_assert_msg(!object || json_object_get(object, f->name), "%s.%s", name, f->name);
			if (object)
				schema_validate_type(t, object, "", &errors);
			for (size_t n = 0; n < errors.n; n++)
				ck_assert_msg(strcmp(errors.v[n].field, f->name) != 0, "%s.%s: %s", name, f->name,
					      errors.v[n].message);
		}
	}
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("coverage");

	tcase_add_test(t, against_the_list);
	tcase_add_test(t, consistency);
	return run("cp/schema/coverage", t);
}
