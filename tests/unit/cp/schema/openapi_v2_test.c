/* The document of version 2 against the reference's (one level above the checkout), where it is there: every definition
 * and path of ours has the same properties, types, list types, merge keys and required fields, the same operations with
 * the same ids, parameters and answers. */
#include "base/fs.h"
#include "base/map.h"
#include "cp/schema/openapi.h"
#include "tests/unit/cp/schema/support.h"

#define REFERENCE "../shared/kubernetes-1.36/swagger.json"

static json_t *theirs, *ours;
static int compared, differing;

static void differ(const char *where, const char *what)
{
	differing++;
	printf("%s: %s differs\n", where, what);
}

/* Descriptions, enums, defaults and unions are not compared; a list that says nothing is atomic. */
static void strip(json_t *value)
{
	static const char *const left_out[] = {"description", "enum", "default", "x-kubernetes-unions"};
	const char *key;
	json_t *member;
	size_t i;
	void *next;

	json_array_foreach(value, i, member) strip(member);
	for (i = 0; json_is_object(value) && i < ARRAY_LEN(left_out); i++)
		if (!json_is_object(json_object_get(value, left_out[i])))
			json_object_del(value, left_out[i]);
	if (str_eq(json_member(value, "x-kubernetes-list-type"), "atomic"))
		json_object_del(value, "x-kubernetes-list-type");
	json_object_foreach_safe(value, next, key, member) strip(member);
}

static bool same(const json_t *a, const json_t *b)
{
	return (!a && !b) || json_equal(a, b);
}

/* Equal as sets of texts; NULL is the empty set. */
static bool same_words(const json_t *a, const json_t *b)
{
	AUTO_MAP *words = map_new(NULL);
	json_t *word;
	size_t i;

	json_array_foreach(a, i, word) map_set(words, json_string_value(word), words);
	json_array_foreach(b, i, word) if (!map_has(words, json_string_value(word))) return false;
	return json_array_size(a) == json_array_size(b);
}

static void compare_members(const char *name, json_t *a, json_t *b)
{
	const char *key;
	json_t *member;

	json_object_foreach(a, key, member)
	{
		AUTO_FREE char *where = xasprintf("%s.%s", name, key);

		compared++;
		if (!same(member, json_object_get(b, key)))
			differ(where, "the property");
	}
	if (json_object_size(a) != json_object_size(b))
		differ(name, "the number of properties");
}

static void compare_definition(const char *name, json_t *mine)
{
	json_t *other = json_object_get(json_object_get(theirs, "definitions"), name);
	static const char *const members[] = {"type", "format", "x-kubernetes-map-type"};

	if (!other) {
		differ(name, "its presence");
		return;
	}
	compare_members(name, json_object_get(mine, "properties"), json_object_get(other, "properties"));
	if (!same_words(json_object_get(mine, "required"), json_object_get(other, "required")))
		differ(name, "required");
	for (size_t i = 0; i < ARRAY_LEN(members); i++)
		if (!str_eq(json_member(mine, members[i]), json_member(other, members[i])))
			differ(name, members[i]);
	/* Options are bodies in every group that is served: fewer here. */
	if (!str_has_suffix(name, "DeleteOptions") && !same(json_object_get(mine, "x-kubernetes-group-version-kind"),
							    json_object_get(other, "x-kubernetes-group-version-kind")))
		differ(name, "group, version and kind");
}

START_TEST(definitions)
{
	const char *name;
	json_t *mine;

	json_object_foreach(json_object_get(ours, "definitions"), name, mine)
	{
		/* The body of a subresource that has no table: any object. */
		if (json_object_get(mine, "properties") || !str_has_suffix(name, "TokenRequest"))
			compare_definition(name, mine);
	}
	printf("OpenAPI: %d properties compared\n", compared);
	ck_assert_int_eq(differing, 0);
	ck_assert_int_gt(compared, 900);
}
END_TEST

/* "name in type required" of an operation's and its path's parameters. */
static void add_parameters(const json_t *document, const json_t *list, json_t *out)
{
	json_t *p;
	size_t i;

	json_array_foreach(list, i, p)
	{
		const char *ref = json_member(p, "$ref");
		const json_t *real =
		    ref ? json_object_get(json_object_get(document, "parameters"), strrchr(ref, '/') + 1) : p;
		AUTO_FREE char *line =
		    xasprintf("%s %s %s %d", json_member(real, "name"), json_member(real, "in"),
			      json_str_or(real, "type", "-"), json_is_true(json_object_get(real, "required")));

		json_array_append_new(out, json_string(line));
	}
}

static json_t *all_parameters(const json_t *document, const json_t *item, const json_t *operation)
{
	json_t *out = json_array();

	add_parameters(document, json_object_get(item, "parameters"), out);
	add_parameters(document, json_object_get(operation, "parameters"), out);
	return out;
}

static void compare_responses(const char *where, json_t *mine, json_t *other)
{
	const char *code;
	json_t *response;

	json_object_foreach(mine, code, response)
	{
		const json_t *a = json_object_get(response, "schema"),
			     *b = json_object_get(json_object_get(other, code), "schema");

		if (!same(a, b))
			differ(where, code);
	}
	if (json_object_size(mine) != json_object_size(other))
		differ(where, "the number of answers");
}

static void compare_operation(const char *where, const json_t *my_item, const json_t *their_item, const char *method)
{
	static const char *const members[] = {"operationId", "tags", "x-kubernetes-action",
					      "x-kubernetes-group-version-kind"};
	const json_t *mine = json_object_get(my_item, method), *other = json_object_get(their_item, method);
	AUTO_JSON *a = all_parameters(ours, my_item, mine), *b = all_parameters(theirs, their_item, other);

	for (size_t i = 0; i < ARRAY_LEN(members); i++)
		if (!same(json_object_get(mine, members[i]), json_object_get(other, members[i])))
			differ(where, members[i]);
	if (!same_words(a, b))
		differ(where, "parameters");
	compare_responses(where, json_object_get(mine, "responses"), json_object_get(other, "responses"));
}

START_TEST(paths)
{
	const char *path, *method;
	json_t *item, *operation;

	json_object_foreach(json_object_get(ours, "paths"), path, item)
	{
		json_t *other = json_object_get(json_object_get(theirs, "paths"), path);

		if (json_object_size(other) != json_object_size(item))
			differ(path, "the number of operations");
		json_object_foreach(item, method, operation)
		{
			AUTO_FREE char *where = xasprintf("%s %s", method, path);

			compared++;
			if (strcmp(method, "parameters"))
				compare_operation(where, item, other, method);
		}
	}
	ck_assert_int_eq(differing, 0);
	ck_assert_int_gt(compared, 100);
}
END_TEST

START_TEST(whole)
{
	AUTO_JSON *d = openapi_v2(builtin);

	ck_assert_str_eq(json_str_at(d, "swagger"), "2.0");
	ck_assert_str_eq(json_str_at(d, "info.title"), "Kubernetes");
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("openapi_v2");
	struct err e = ERR_INIT;
	int r;

	tcase_add_test(t, whole);
	if (json_read_file(REFERENCE, &theirs, &e) < 0)
		printf("SKIP: %s is not there; the document is not compared\n", REFERENCE);
	if (theirs && schema_load_builtin(&builtin, &e) >= 0) {
		ours = openapi_v2(builtin);
		schema_free(builtin);
		strip(json_object_get(theirs, "definitions"));
		strip(json_object_get(ours, "definitions"));
		strip(json_object_get(theirs, "paths"));
		strip(json_object_get(ours, "paths"));
		tcase_add_test(t, definitions);
		tcase_add_test(t, paths);
	}
	r = run("cp/schema/openapi_v2", t);
	json_decref(ours);
	json_decref(theirs);
	return r;
}
