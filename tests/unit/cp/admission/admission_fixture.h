/* The chain over a cache of given objects: what it says to a request, and what it makes of the object. */
#ifndef KNARR_TESTS_ADMISSION_FIXTURE_H
#define KNARR_TESTS_ADMISSION_FIXTURE_H

#include "tests/unit/check_main.h"
#include "tests/unit/cp/cache/cache_fixture.h"

#include "base/json.h"
#include "cp/admission/admission.h"
#include "cp/kinds/kind_ops.h"

static struct schema *schema;
static struct admission *chain;
static struct loop *test_loop;
static struct str warnings, annotations;

static inline void note_warning(void *request, const char *text)
{
	(void)request;
	str_addf(&warnings, "%s\n", text);
}

static inline void note_annotation(void *request, const char *key, const char *value)
{
	(void)request;
	str_addf(&annotations, "%s=%s\n", key, value);
}

static inline bool may_nothing(void *request, const struct auth_attributes *what)
{
	(void)request;
	return str_eq(what->name, "allowed.example/signer");
}

/* objects: pairs of plain JSON objects with kind, apiVersion and metadata; NULL ends them. */
static inline void given(const char *text)
{
	AUTO_JSON *o = json_loads(text, 0, NULL);
	ck_assert_ptr_nonnull(o);
	const char *av = json_str_at(o, "apiVersion"), *slash = strchr(av, '/');
	AUTO_FREE char *group = slash ? xstrndup(av, (size_t)(slash - av)) : xstrdup("");
	const struct kind *k = schema_find_kind(schema, group, slash ? slash + 1 : av, json_str_at(o, "kind"));
	ck_assert_ptr_nonnull(k);
	const char *ns = json_str_or(o, "metadata.namespace", ""), *name = json_str_at(o, "metadata.name");
	AUTO_FREE char *key = xasprintf("%s%s%s%s", k->storage_prefix, ns, *ns ? "/" : "", name);
	put(key, text);
}

static inline void admission_setup(void)
{
	const struct kind *k;
	ck_assert_int_eq(schema_load_builtin(&schema, NULL), 0);
	ck_assert_int_eq(loop_new(&test_loop, NULL), 0);
	cache_setup();
	for (size_t i = 0; (k = schema_kind_nth(schema, i)); i++)
		if (!str_empty(k->storage_prefix) && !cache_bucket(cache, k->storage_prefix))
			cache_add_bucket(cache, &(struct bucket_config){ .prefix = k->storage_prefix, .namespaced = k->namespaced });
	load();
	struct admission_config c = { .loop = test_loop, .schema = schema, .cache = cache, .warn = note_warning, .annotate = note_annotation, .may = may_nothing };
	ck_assert_int_eq(admission_new(&c, &chain, NULL), 0);
	given("{\"kind\":\"Namespace\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"n\",\"uid\":\"u\"}}");
}

static inline void admission_teardown(void)
{
	admission_free(chain);
	cache_teardown();
	loop_free(test_loop);
	schema_free(schema);
	str_done(&warnings);
	str_done(&annotations);
}

struct outcome {
	bool done;
	char *message; /* "" when admitted */
	int code;
};

static inline void on_outcome(void *arg, json_t *status)
{
	struct outcome *o = arg;
	o->done = true;
	free(o->message);
	o->message = xstrdup(status ? json_str_or(status, "message", "") : "");
	o->code = status ? status_code(status) : 0;
	json_decref(status);
}

static struct auth_user test_user;

/* Runs both halves; returns the message of the refusal, "" when admitted. The object is changed in place. */
static inline const char *admit_as(const char *user, const char *group, enum admit_op op, const char *sub, json_t **object,
				   const char *old_text)
{
	static struct outcome o;
	AUTO_JSON *old = old_text ? json_loads(old_text, 0, NULL) : NULL;
	const json_t *any = *object ? *object : old;
	const char *av = json_str_at(any, "apiVersion"), *slash = strchr(av, '/');
	AUTO_FREE char *g = slash ? xstrndup(av, (size_t)(slash - av)) : xstrdup("");
	char *const groups[] = { (char *)group, NULL };
	auth_user_set(&test_user, user, groups);
	struct admit a = { .n = chain,
			   .op = op,
			   .kind = schema_find_kind(schema, g, slash ? slash + 1 : av, json_str_at(any, "kind")),
			   .subresource = sub,
			   .ns = json_str_or(any, "metadata.namespace", ""),
			   .name = json_str_or(any, "metadata.name", ""),
			   .object = *object,
			   .old = old,
			   .user = &test_user };
	ck_assert_ptr_nonnull(a.kind);
	o.done = false;
	admit_mutate(&a, on_outcome, &o);
	for (int i = 0; i < 100 && !o.done; i++)
		loop_run_once(test_loop, 10);
	ck_assert(o.done);
	if (!*o.message) {
		o.done = false;
		admit_validate(&a, on_outcome, &o);
		for (int i = 0; i < 100 && !o.done; i++)
			loop_run_once(test_loop, 10);
		ck_assert(o.done);
	}
	*object = a.object;
	admit_settle(&a, !*o.message);
	auth_user_done(&test_user);
	return o.message;
}

static inline json_t *parsed(const char *text)
{
	json_error_t e;
	json_t *o = json_loads(text, 0, &e);
	ck_assert_msg(o != NULL, "%s: %s", e.text, text);
	return o;
}

/* A create by an administrator; the object is dropped. */
static inline const char *create(const char *text)
{
	AUTO_JSON *o = parsed(text);
	return admit_as("admin", "system:masters", ADMIT_CREATE, "", &o, NULL);
}

/* A pod in namespace n whose spec is given; returns the pod. */
static inline json_t *pod_of(const char *spec)
{
	AUTO_FREE char *text = xasprintf("{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"p\",\"namespace\":\"n\"},"
					 "\"spec\":%s}",
					 spec);
	return parsed(text);
}

static inline const char *create_pod(json_t **pod)
{
	return admit_as("admin", "system:masters", ADMIT_CREATE, "", pod, NULL);
}

#endif
