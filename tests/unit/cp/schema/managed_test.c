/* cp/schema/managed*.c: what writes make of the managers. */
#include "cp/schema/fieldset.h"
#include "cp/schema/managed.h"
#include "tests/unit/cp/schema/support.h"

#define T1 "2026-01-01T00:00:01Z"
#define T2 "2026-01-01T00:00:02Z"

static struct managed_by by(const char *manager, const char *subresource, const char *now)
{
	return (struct managed_by){ .type = kind_named("", "configmaps")->type,
				    .api_version = "v1",
				    .manager = manager,
				    .subresource = subresource,
				    .now = now };
}

/* "manager operation fields time" of every entry, one a line. Owned. */
static char *lines_of(const json_t *object)
{
	struct str out = STR_INIT;
	json_t *entry;
	size_t i;

	json_array_foreach(json_at(object, "metadata.managedFields"), i, entry)
	{
		AUTO_JSON *sorted = fieldset_sorted(json_object_get(entry, "fieldsV1"));
		AUTO_FREE char *fields = json_text(sorted);

		str_addf(&out, "%s %s %s %s\n", json_str_at(entry, "manager"), json_str_at(entry, "operation"), fields,
			 json_str_or(entry, "time", "0000-00-00T00:00:--") + 17);
	}
	return str_take(&out);
}

static void assert_managers(const json_t *object, const char *expected)
{
	AUTO_FREE char *lines = lines_of(object), *want = xstrdup(expected);

	for (char *p = want; *p; p++)
		if (*p == '\'')
			*p = '"';
	ck_assert_str_eq(lines, want);
}

static json_t *update(const struct managed_by *who, const json_t *live, const char *text)
{
	json_t *object = js(text);

	managed_update(who, live, object);
	return object;
}

static int apply(const struct managed_by *who, const json_t *live, const char *text, bool force, json_t **ret)
{
	AUTO_MANAGED_CONFLICTS conflicts = { 0 };
	AUTO_JSON *config = js(text);
	struct err e = ERR_INIT;

	return managed_apply(who, live, config, force, ret, &conflicts, &e);
}

START_TEST(an_update_owns_what_it_changes)
{
	struct managed_by a = by("a", "", T1), b = by("b", "", T2);
	AUTO_JSON *one = update(&a, NULL, "{'metadata':{'name':'x'},'data':{'k':'1','l':'1'}}");

	assert_managers(one, "a Update {'f:data':{'.':{},'f:k':{},'f:l':{}}} 01Z\n");
	AUTO_JSON *two = update(&b, one, "{'metadata':{'name':'x'},'data':{'k':'2','l':'1'}}");
	assert_managers(two, "a Update {'f:data':{'.':{},'f:l':{}}} 01Z\nb Update {'f:data':{'f:k':{}}} 02Z\n");
	AUTO_JSON *three = update(&b, two, "{'metadata':{'name':'x'},'data':{'k':'2'}}");
	assert_managers(three, "a Update {'f:data':{}} 01Z\nb Update {'f:data':{'f:k':{}}} 02Z\n");
}
END_TEST

START_TEST(an_unchanged_object_keeps_its_managers)
{
	struct managed_by a = by("a", "", T1), b = by("b", "", T2);
	AUTO_JSON *one = update(&a, NULL, "{'data':{'k':'1'}}"), *two = update(&b, one, "{'data':{'k':'1'}}");

	ck_assert(json_equal(json_at(one, "metadata.managedFields"), json_at(two, "metadata.managedFields")));
}
END_TEST

START_TEST(an_applier_that_stops_saying_removes)
{
	struct managed_by a = by("a", "", T1), b = by("b", "", T2);
	AUTO_JSON *one = NULL, *two = NULL, *three = NULL;

	ck_assert_int_eq(apply(&a, NULL, "{'data':{'k':'1','l':'1'}}", false, &one), 0);
	ck_assert_int_eq(apply(&b, one, "{'data':{'l':'1'}}", false, &two), 0);
	assert_managers(two, "b Apply {'f:data':{'f:l':{}}} --\na Apply {'f:data':{'f:k':{},'f:l':{}}} 01Z\n");
	ck_assert_int_eq(apply(&a, two, "{'data':{}}", false, &three), 0);
	AUTO_JSON *data = js("{'l':'1'}");
	ck_assert(json_equal(json_object_get(three, "data"), data));
}
END_TEST

START_TEST(an_updater_keeps_what_an_applier_lets_go)
{
	struct managed_by a = by("a", "", T1), b = by("b", "", T2);
	AUTO_JSON *one = update(&a, NULL, "{'data':{'k':'1','l':'1'}}"), *two = NULL, *three = NULL;

	ck_assert_int_eq(apply(&b, one, "{'data':{'k':'1','l':'1','m':'1'}}", false, &two), 0);
	ck_assert_int_eq(apply(&b, two, "{'data':{'l':'1'}}", false, &three), 0);
	AUTO_JSON *data = js("{'k':'1','l':'1'}");
	ck_assert(json_equal(json_object_get(three, "data"), data));
	assert_managers(three, "b Apply {'f:data':{'f:l':{}}} 02Z\na Update {'f:data':{'.':{},'f:k':{},'f:l':{}}} 01Z\n");
}
END_TEST

#define ENTRY(version, fields) "{'manager':'u','operation':'Update','apiVersion':'" version "','fieldsType':'FieldsV1','fieldsV1':" fields "}"

static const struct {
	const char *list;
	const char *managers; /* NULL: as before */
} given[] = {
	{ ENTRY("v1", "{'f:data':{'f:l':{}}}"), "u Update {'f:data':{'f:l':{}}} --\n" },
	{ ENTRY("v1", "{'f:data':{'f:y':{}}}") "," ENTRY("v1", "{'f:data':{'f:z':{}}}"), "u Update {'f:data':{'f:z':{}}} --\n" },
	{ "", NULL },
	{ ENTRY("", "{'f:data':{'f:l':{}}}"), NULL },
	{ ENTRY("v1", "{'f:data':{'l':{}}}"), NULL },
	{ ENTRY("v1", "{'f:data':{'k:l':{}}}"), NULL },
	{ ENTRY("v1", "{'f:data':{'v:{':{}}}"), NULL },
	{ ENTRY("v1", "{'f:data':{'k:{\\\"a\\\":\\\"b}':{}}}"), NULL },
	{ ENTRY("v1", "{'f:data':{'k:{\\\"a\\\":1,}':{}}}"), NULL },
	{ ENTRY("v1", "{'f:data':{'k:{\\\"a\\\":01}':{}}}"), NULL },
	{ ENTRY("v1", "{'f:data':{'k:{\\\"a\\\":1,\\\"b\\\":\\\"c\\\"}':{},'k:{\\\"a\\\":true}':{},'k:{}':{},'v:1.5':{},'i:3':{}}}"),
	  "u Update {'f:data':{'k:{}':{},'k:{\\\"a\\\":1,\\\"b\\\":\\\"c\\\"}':{},'k:{\\\"a\\\":true}':{},'v:1.5':{},'i:3':{}}} --\n" },
	{ ENTRY("v1", "{'f:data':{'i:x':{}}}"), NULL },
	{ ENTRY("v1", "{'f:data':1}"), NULL },
};

/* Where it can be read; else it is as if nothing had been said. */
START_TEST(a_client_may_say_who_manages)
{
	struct managed_by a = by("a", "", T1), b = by("b", "", T2);
	AUTO_FREE char *text = xasprintf("{'metadata':{'managedFields':[%s]},'data':{'k':'1'}}", given[_i].list);
	AUTO_JSON *live = update(&a, NULL, "{'data':{'k':'1'}}"), *one = update(&b, live, text);

	assert_managers(one, given[_i].managers ? given[_i].managers : "a Update {'f:data':{'.':{},'f:k':{}}} 01Z\n");
}
END_TEST

START_TEST(others_fields_conflict)
{
	struct managed_by a = by("a", "", T1), b = by("b", "", T2);
	AUTO_JSON *one = update(&a, NULL, "{'data':{'k':'1','l':'1'}}"), *two = NULL, *config = js("{'data':{'k':'2'}}");
	AUTO_MANAGED_CONFLICTS c = { 0 };
	struct err e = ERR_INIT;

	ck_assert_int_eq(managed_apply(&b, one, config, false, &two, &c, &e), -EEXIST);
	ck_assert_uint_eq(c.n, 1);
	ck_assert_str_eq(c.v[0].manager, "\"a\" using v1");
	ck_assert_str_eq(c.v[0].path, ".data.k");
	ck_assert_int_eq(apply(&b, one, "{'data':{'k':'2'}}", true, &two), 0);
	assert_managers(two, "b Apply {'f:data':{'f:k':{}}} 02Z\na Update {'f:data':{'.':{},'f:l':{}}} 01Z\n");
}
END_TEST

START_TEST(without_managers_the_past_has_one)
{
	struct managed_by b = by("b", "", T2);
	AUTO_JSON *live = js("{'metadata':{'uid':'u'},'data':{'k':'1'}}"), *two = NULL, *config = js("{'data':{'k':'2'}}");
	AUTO_MANAGED_CONFLICTS c = { 0 };
	struct err e = ERR_INIT;

	ck_assert_int_eq(managed_apply(&b, live, config, false, &two, &c, &e), -EEXIST);
	ck_assert_str_eq(c.v[0].manager, "\"before-first-apply\" using v1");
	AUTO_JSON *plain = update(&b, live, "{'data':{'k':'3'}}");
	ck_assert_ptr_null(json_at(plain, "metadata.managedFields"));
}
END_TEST

START_TEST(one_empty_entry_resets)
{
	struct managed_by a = by("a", "", T1);
	AUTO_JSON *one = update(&a, NULL, "{'data':{'k':'1'}}");
	AUTO_JSON *two = update(&a, one, "{'metadata':{'managedFields':[{}]},'data':{'k':'1'}}");

	ck_assert_ptr_null(json_at(two, "metadata.managedFields"));
}
END_TEST

#define LAST "kubectl.kubernetes.io/last-applied-configuration"

static const struct {
	const char *manager, *last, *config;
	int r;
	const char *told; /* the annotation afterwards */
} taken_over[] = {
	{ "kubectl", "{'apiVersion':'v1','data':{'k':'1'}}", "{'apiVersion':'v1','data':{'k':'2'}}", 0,
	  "{'apiVersion':'v1','data':{'k':'2'}}\n" },
	{ "kubectl", "{'apiVersion':'v1','data':{'k':'1'}}", "{'data':{'k':'<&>'}}", 0,
	  "{'data':{'k':'\\u003c\\u0026\\u003e'}}\n" },
	{ "other", "{'apiVersion':'v1','data':{'k':'1'}}", "{'data':{'k':'2'}}", -EEXIST, NULL },
	{ "kubectl", "{'apiVersion':'v1','data':{'k':'0'}}", "{'data':{'k':'2'}}", -EEXIST, NULL }, /* changed since */
	{ "kubectl", "{'apiVersion':'v2','data':{'k':'1'}}", "{'data':{'k':'2'}}", -EEXIST, NULL },
	{ "kubectl", "{'apiVersion':'v1','data':{'k':'1'},'foo':1}", "{'data':{'k':'2'}}", -EEXIST, NULL },
	{ "kubectl", "", "{'data':{'k':'2'}}", -EEXIST, NULL },
};

START_TEST(client_side_apply_is_taken_over)
{
	struct managed_by client = by("kubectl-client-side-apply", "", T1), server = by(taken_over[_i].manager, "", T2);
	AUTO_JSON *one = js("{'metadata':{'annotations':{}},'data':{'k':'1'}}"), *two = NULL;
	AUTO_FREE char *last = xstrdup(taken_over[_i].last), *told = xstrdup(taken_over[_i].told ? taken_over[_i].told : "");

	for (char *p = last; *p; p++)
		*p = *p == '\'' ? '"' : *p;
	for (char *p = told; *p; p++)
		*p = *p == '\'' ? '"' : *p;
	json_object_set_new(json_at(one, "metadata.annotations"), LAST, json_string(last));
	managed_update(&client, NULL, one);
	ck_assert_int_eq(apply(&server, one, taken_over[_i].config, false, &two), taken_over[_i].r);
	if (taken_over[_i].told)
		ck_assert_str_eq(json_member(json_at(two, "metadata.annotations"), LAST), told);
}
END_TEST

#define LIVE(time) "{'metadata':{'resourceVersion':'1','managedFields':[{'manager':'a','time':'" time "'}]},'spec':{'a':1}"

static const struct {
	const char *live, *object;
	bool kept;
} times[] = {
	{ LIVE("t1") "}", LIVE("t2") "}", true },
	{ LIVE("t1") "}", LIVE("t1") "}", false },
	{ LIVE("t1") ",'status':{'s':1}}", LIVE("t2") ",'status':{'s':2}}", false },
	{ LIVE("t1") ",'data':{'s':1}}", LIVE("t2") ",'data':{'s':2}}", false },
	{ LIVE("t1") "}", LIVE("t2") ",'status':{}}", false },
	{ LIVE("t1") "}", "{'metadata':{'labels':{},'managedFields':[{'manager':'a','time':'t2'}]},'spec':{'a':1}}", false },
	{ LIVE("t1") "}", "{'metadata':{'managedFields':[{'manager':'b','time':'t2'}]},'spec':{'a':1}}", false },
	{ LIVE("t1") "}", "{'metadata':{'managedFields':[{'manager':'a'}]},'spec':{'a':1}}", true },
};

START_TEST(times_alone_are_no_change)
{
	AUTO_JSON *live = js(times[_i].live), *object = js(times[_i].object);

	ck_assert_int_eq(managed_keep_times(live, object), times[_i].kept);
	if (times[_i].kept)
		ck_assert(json_equal(json_at(live, "metadata.managedFields"), json_at(object, "metadata.managedFields")));
}
END_TEST

/* In v2 what v1 calls data is binaryData; v3 is not there. */
static json_t *convert(void *arg, const json_t *object, const char *from, const char *to, const struct type **ret_type)
{
	const char *was = strcmp(from, "v2") ? "data" : "binaryData", *is = strcmp(to, "v2") ? "data" : "binaryData";
	json_t *copy = json_deep_copy(object), *data = json_incref(json_object_get(copy, was));

	ck_assert_ptr_null(arg);
	*ret_type = kind_named("", "configmaps")->type;
	if (!strcmp(to, "v3")) {
		json_decref(copy);
		json_decref(data);
		return NULL;
	}
	json_object_del(copy, was);
	if (data)
		json_object_set_new(copy, is, data);
	return copy;
}

static struct managed_by in_version(const char *manager, const char *version, const char *now)
{
	struct managed_by b = by(manager, "", now);

	b.api_version = version;
	b.convert = convert;
	return b;
}

START_TEST(versions_see_each_other)
{
	struct managed_by a = in_version("a", "v1", T1), b = in_version("b", "v2", T2), u = in_version("u", "v2", T2);
	AUTO_JSON *one = NULL, *two = NULL, *three = NULL, *shown = NULL;
	const struct type *t;

	ck_assert_int_eq(apply(&a, NULL, "{'data':{'k':'1','l':'1'}}", false, &one), 0);
	shown = convert(NULL, one, "v1", "v2", &t);
	ck_assert_int_eq(apply(&b, shown, "{'binaryData':{'k':'2'}}", false, &two), -EEXIST);
	ck_assert_int_eq(apply(&b, shown, "{'binaryData':{'k':'2'}}", true, &two), 0);
	assert_managers(two, "a Apply {'f:data':{'f:l':{}}} 01Z\nb Apply {'f:binaryData':{'f:k':{}}} 02Z\n");
	three = json_deep_copy(two);
	json_set_str(three, "binaryData.l", "3");
	managed_update(&u, two, three);
	assert_managers(three, "b Apply {'f:binaryData':{'f:k':{}}} 02Z\nu Update {'f:binaryData':{'f:l':{}}} 02Z\n");
}
END_TEST

/* What an applier said in another version goes, but what somebody manages in yet another stays. */
START_TEST(an_applier_goes_to_another_version)
{
	struct managed_by a = in_version("a", "v1", T1), b = in_version("b", "v1", T1), now = in_version("a", "v2", T2);
	AUTO_JSON *one = NULL, *two = NULL, *three = NULL, *shown = NULL;
	const struct type *t;

	ck_assert_int_eq(apply(&a, NULL, "{'data':{'k':'1','l':'1','m':'1'}}", false, &one), 0);
	ck_assert_int_eq(apply(&b, one, "{'data':{'l':'1'}}", false, &two), 0);
	shown = convert(NULL, two, "v1", "v2", &t);
	ck_assert_int_eq(apply(&now, shown, "{'binaryData':{'m':'1'}}", false, &three), 0);
	AUTO_JSON *data = js("{'l':'1','m':'1'}");
	ck_assert(json_equal(json_object_get(three, "binaryData"), data));
	assert_managers(three, "b Apply {'f:data':{'f:l':{}}} --\na Apply {'f:binaryData':{'f:m':{}}} 02Z\n");
}
END_TEST

START_TEST(versions_that_are_gone_have_no_managers)
{
	struct managed_by gone = in_version("g", "v3", T1), a = in_version("a", "v1", T2);
	AUTO_JSON *one = js("{'data':{'k':'1'}}"), *two = js("{'data':{'k':'1','l':'1'}}");

	gone.convert = NULL;
	managed_update(&gone, NULL, one);
	assert_managers(one, "g Update {'f:data':{'.':{},'f:k':{}}} 01Z\n");
	managed_update(&a, one, two);
	assert_managers(two, "a Update {'f:data':{'f:l':{}}} 02Z\n");
}
END_TEST

START_TEST(updaters_are_capped)
{
	AUTO_JSON *object = js("{'data':{}}");

	for (int i = 0; i < 15; i++) {
		AUTO_FREE char *name = xasprintf("m%02d", i), *now = xasprintf("2026-01-01T00:00:%02dZ", i);
		struct managed_by who = by(name, "", now);
		AUTO_JSON *next = json_deep_copy(object);

		json_object_set_new(json_object_get(next, "data"), name, json_string("x"));
		managed_update(&who, i ? object : NULL, next);
		json_decref(object);
		object = TAKE(next);
	}
	json_t *list = json_at(object, "metadata.managedFields");
	ck_assert_uint_eq(json_array_size(list), 10);
	ck_assert_str_eq(json_str_at(json_array_get(list, 0), "manager"), "ancient-changes");
	ck_assert_uint_eq(json_object_size(json_at(json_array_get(list, 0), "fieldsV1.f:data")), 7); /* six and "." */
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("managed");

	tcase_add_test(t, an_update_owns_what_it_changes);
	tcase_add_test(t, an_unchanged_object_keeps_its_managers);
	tcase_add_test(t, an_applier_that_stops_saying_removes);
	tcase_add_test(t, an_updater_keeps_what_an_applier_lets_go);
	tcase_add_loop_test(t, a_client_may_say_who_manages, 0, ARRAY_LEN(given));
	tcase_add_test(t, others_fields_conflict);
	tcase_add_test(t, without_managers_the_past_has_one);
	tcase_add_test(t, one_empty_entry_resets);
	tcase_add_loop_test(t, client_side_apply_is_taken_over, 0, ARRAY_LEN(taken_over));
	tcase_add_loop_test(t, times_alone_are_no_change, 0, ARRAY_LEN(times));
	tcase_add_test(t, versions_see_each_other);
	tcase_add_test(t, an_applier_goes_to_another_version);
	tcase_add_test(t, versions_that_are_gone_have_no_managers);
	tcase_add_test(t, updaters_are_capped);
	return run("managed", t);
}
