/* The words with a conversion webhook (apiextensions: ConversionReview v1, v1beta1). Purpose: what is asked, and whether an answer is
 * one. Happy path: as many objects come back as were sent, in the version that was asked for, as the same objects. Pure; errors are
 * texts in the original's words. What always holds: of the metadata only labels and annotations, which are checked, are taken from
 * the answer. */
#include "cp/api/custom_review.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "cp/schema/schema.h"

#define GROUP "apiextensions.k8s.io"

/* The first that is known. */
static const char *review_version(const json_t *versions)
{
	size_t i;
	json_t *v;

	json_array_foreach(versions, i, v)
	{
		const char *name = json_string_value(v);
		if (str_eq(name, "v1") || str_eq(name, "v1beta1"))
			return name;
	}
	return "v1";
}

json_t *custom_review(const json_t *versions, const char *uid, const char *wanted, json_t *objects)
{
	AUTO_FREE char *api = xasprintf(GROUP "/%s", review_version(versions));

	return json_pack("{s:s,s:s,s:{s:s,s:s,s:O}}", "kind", "ConversionReview", "apiVersion", api, "request", "uid", uid,
			 "desiredAPIVersion", wanted, "objects", objects);
}

/* "example.com/v1, Kind=Route". Owned. */
static char *kind_text(const json_t *o)
{
	return xasprintf("%s, Kind=%s", json_str_or(o, "apiVersion", ""), json_str_or(o, "kind", ""));
}

/* --- one object ----------------------------------------------------------------------------------------------------- */

/* NULL, or what is wrong with it; owned. */
static char *check_same(const json_t *from, const json_t *to)
{
	static const struct {
		const char *path, *name;
	} parts[] = {{"metadata.name", "name"}, {"metadata.namespace", "namespace"}, {"metadata.uid", "UID"}};

	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		const char *was = json_str_or(from, parts[i].path, ""), *is = json_str_or(to, parts[i].path, "");
		if (strcmp(was, is) != 0)
			return xasprintf("returned invalid object: must have the same %s: %s != %s", parts[i].name, was, is);
	}
	return NULL;
}

static const char *go_type(const json_t *v)
{
	return json_is_object(v) ? "map[string]interface {}" : json_is_array(v) ? "[]interface {}" : json_is_string(v) ? "string"
	       : json_is_integer(v) ? "int64" : json_is_real(v) ? "float64" : json_is_boolean(v) ? "bool" : "<nil>";
}

static char *check_texts(const char *field, const json_t *texts)
{
	const char *key;
	json_t *v;

	if (!json_is_object(texts))
		return xasprintf("returned invalid metadata: invalid metadata.%s of type %s in converted object", field, go_type(texts));
	json_object_foreach((json_t *)texts, key, v) if (!json_is_string(v)) return xasprintf(
	    "returned invalid metadata: metadata.%s[%s] must be a string, but is %s in converted object", field, key, go_type(v));
	return NULL;
}

/* The rules of labels and annotations, where they are others than before. */
static char *check_rules(const json_t *to)
{
	static const struct custom_kind custom = {0};
	static const struct kind any = {.custom = &custom, .name_format = "path-segment"};
	AUTO_FIELD_ERRORS errors = {0};
	const json_t *meta = json_object_get(to, "metadata");
	AUTO_JSON *part = json_pack("{s:{s:s,s:O*,s:O*}}", "metadata", "name", "any", "labels", json_object_get(meta, "labels"), "annotations",
				    json_object_get(meta, "annotations"));

	schema_validate_meta(&any, part, NULL, &errors);
	return errors.n ? xasprintf("returned invalid metadata: %s: %s", errors.v[0].field, errors.v[0].message) : NULL;
}

static char *restore_metadata(const json_t *from, json_t *to)
{
	static const char *const free_keys[] = {"labels", "annotations"};
	const json_t *theirs = json_object_get(to, "metadata"), *ours = json_object_get(from, "metadata");
	AUTO_JSON *meta = json_clone(ours);
	bool changed = false;

	if (!theirs)
		return xstrdup("returned invalid metadata: missing metadata in converted object");
	if (!json_is_object(theirs))
		return xasprintf("returned invalid metadata: invalid metadata of type %s in converted object", go_type(theirs));
	for (size_t i = 0; i < ARRAY_LEN(free_keys); i++) {
		json_t *value = json_object_get(theirs, free_keys[i]), *old = json_object_get(ours, free_keys[i]);
		json_object_del(meta, free_keys[i]);
		if (!value || json_is_null(value))
			continue;
		char *why = check_texts(free_keys[i], value);
		if (why)
			return why;
		changed |= !old || !json_equal(old, value);
		json_object_set(meta, free_keys[i], value);
	}
	json_object_set(to, "metadata", meta);
	return changed ? check_rules(to) : NULL;
}

static char *check_object(const json_t *from, json_t *to, const char *wanted)
{
	const char *kind = json_str_or(from, "kind", "");
	char *why;

	if (!json_is_object(to))
		return xstrdup("returned invalid object at index 0: it is no object");
	if (!str_eq(json_str_at(to, "apiVersion"), wanted))
		return xasprintf("returned invalid object at index 0: invalid groupVersion (expected %s, received %s)", wanted,
				 json_str_or(to, "apiVersion", ""));
	if (!str_eq(json_str_at(to, "kind"), kind))
		return xasprintf("returned invalid object at index 0: invalid kind (expected %s, received %s)", kind, json_str_or(to, "kind", ""));
	why = check_same(from, to);
	return why ? why : restore_metadata(from, to);
}

/* --- the answer as a whole ------------------------------------------------------------------------------------------ */

/* A v1beta1 webhook need not say whom it answers. */
static char *check_response(const json_t *review, const json_t *versions, const char *uid)
{
	const json_t *response = json_object_get(review, "response");
	const char *said = json_str_or(response, "uid", ""), *status = json_str_or(response, "result.status", ""),
		   *message = json_str_or(response, "result.message", "");
	bool beta = !strcmp(review_version(versions), "v1beta1");
	AUTO_FREE char *kind = kind_text(review);

	if (!beta && strcmp(kind, GROUP "/v1, Kind=ConversionReview") != 0)
		return xasprintf("failed: expected webhook response of " GROUP "/v1, Kind=ConversionReview, got %s", kind);
	if (!json_is_object(response))
		return xstrdup("failed: no response provided");
	if (!beta && strcmp(said, uid) != 0)
		return xasprintf("failed: expected response.uid=\"%s\", got \"%s\"", uid, said);
	if (strcmp(status, "Success") == 0)
		return NULL;
	return *message ? xasprintf("failed: %s", message) : xasprintf("failed: response.result.status was '%s', not 'Success'", status);
}

char *custom_review_check(const json_t *review, const json_t *versions, const char *uid, const char *wanted, const json_t *objects)
{
	json_t *list = json_at(review, "response.convertedObjects"), *one;
	char *why = check_response(review, versions, uid);
	size_t i;

	if (!why && json_array_size(list) != json_array_size(objects))
		why = xasprintf("returned %zu objects, expected %zu", json_array_size(list), json_array_size(objects));
	if (why)
		return why;
	json_array_foreach(list, i, one) if ((why = check_object(json_array_get(objects, i), one, wanted))) break;
	return why;
}
