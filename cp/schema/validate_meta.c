/* The rules for metadata of every kind (Kubernetes API conventions, Metadata; API concepts, Names, Labels,
 * Annotations).
 *
 * On create: name or generateName, namespace, labels, annotations, owner references, finalizers. On update also what
 * may not change. Nothing fails; what is wrong is added to errors, in the order in which the reference reports it. */
#include <ctype.h>
#include <string.h>

#include "api/names.h"
#include "base/json.h"
#include "base/mem.h"
#include "cp/schema/internal.h"

#define ANNOTATIONS_MAX (256 * 1024)

static const struct {
	const char *format;
	const char *(*rule)(const char *s);
} name_rules[] = {
    {"dns-subdomain", name_check_subdomain},
    {"dns-label", name_check_label},
    {"dns-label-1035", name_check_label_1035},
    {"path-segment", name_check_path_segment},
    {"ip-address", name_check_address},
};

static const char *check_name(const struct kind *k, const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(name_rules); i++)
		if (str_eq(name_rules[i].format, k->name_format))
			return name_rules[i].rule(name);
	return name_check_subdomain(name);
}

/* A name made from a prefix ends in letters and digits, so a prefix may end in '-'. */
static const char *check_prefix(const struct kind *k, const char *prefix)
{
	AUTO_FREE char *sample = xstrdup(prefix);
	size_t n = strlen(sample);

	if (n > 1 && sample[n - 1] == '-')
		sample[n - 1] = 'a';
	return check_name(k, sample);
}

static void validate_names(const struct kind *k, const json_t *meta, struct field_errors *errors)
{
	const json_t *name = json_object_get(meta, "name"), *prefix = json_object_get(meta, "generateName");
	const json_t *namespace = json_object_get(meta, "namespace");
	const char *rule;

	if (prefix && !value_is_empty(prefix)) {
		rule = check_prefix(k, json_string_value(prefix));
		if (rule)
			field_invalid(errors, "metadata.generateName", prefix, "%s", rule);
	}
	if (!name || value_is_empty(name)) {
		field_required(errors, "metadata.name", "name or generateName is required");
	} else {
		rule = check_name(k, json_string_value(name));
		if (rule)
			field_invalid(errors, "metadata.name", name, "%s", rule);
	}
	if (!k->namespaced) {
		if (namespace && !value_is_empty(namespace))
			field_forbidden(errors, "metadata.namespace", "not allowed on this type");
	} else if (!namespace || value_is_empty(namespace)) {
		field_required(errors, "metadata.namespace", NULL);
	} else {
		rule = name_check_label(json_string_value(namespace));
		if (rule)
			field_invalid(errors, "metadata.namespace", namespace, "%s", rule);
	}
}

static void validate_annotations(const json_t *annotations, struct field_errors *errors)
{
	const char *broken[NAME_CHECK_MAX], *key;
	size_t total = 0, n;
	json_t *value;

	json_object_foreach((json_t *)annotations, key, value)
	{
		AUTO_JSON *name = json_string(key);
		AUTO_FREE char *lower = xstrdup(key);

		for (char *p = lower; *p; p++)
			*p = (char)tolower((unsigned char)*p);
		n = name_check_qualified_all(lower, broken);
		for (size_t i = 0; i < n; i++)
			field_invalid(errors, "metadata.annotations", name, "%s", broken[i]);
		total += strlen(key) + json_string_length(value);
	}
	if (total > ANNOTATIONS_MAX)
		field_too_long(errors, "metadata.annotations", ANNOTATIONS_MAX);
}

static void require_text(const json_t *owner, const char *member, const char *message, struct field_errors *errors)
{
	AUTO_FREE char *at = NULL;
	AUTO_JSON *empty = json_string("");
	json_t *value = json_object_get(owner, member);

	if (value && !value_is_empty(value))
		return;
	at = xasprintf("metadata.ownerReferences.%s", member);
	field_invalid(errors, at, empty, "%s", message);
}

/* "v1" or "apps/v1"; what has more parts has no version. */
static void require_version(const json_t *owner, struct field_errors *errors)
{
	const json_t *value = json_object_get(owner, "apiVersion");
	const char *slash = strchr(json_str_or(owner, "apiVersion", ""), '/');

	if (slash && strchr(slash + 1, '/'))
		field_invalid(errors, "metadata.ownerReferences.apiVersion", value, "version must not be empty");
	else
		require_text(owner, "apiVersion", "version must not be empty", errors);
}

/* Events come and go too fast to own anything. */
static void refuse_banned(const json_t *owner, struct field_errors *errors)
{
	if (!strcmp(json_str_or(owner, "apiVersion", ""), "v1") && !strcmp(json_str_or(owner, "kind", ""), "Event"))
		field_invalid(errors, "metadata.ownerReferences", owner,
			      "/v1, Kind=Event is disallowed from being an owner");
}

static void validate_owners(const json_t *owners, struct field_errors *errors)
{
	const json_t *controller = NULL;
	size_t i;
	json_t *owner;

	json_array_foreach(owners, i, owner)
	{
		require_version(owner, errors);
		require_text(owner, "kind", "must not be empty", errors);
		require_text(owner, "name", "must not be empty", errors);
		require_text(owner, "uid", "must not be empty", errors);
		refuse_banned(owner, errors);
		if (!json_bool_at(owner, "controller", false))
			continue;
		if (controller)
			field_invalid(errors, "metadata.ownerReferences", owners,
				      "Only one reference can have Controller set to true. Found \"true\" in "
				      "references for %s/%s and %s/%s",
				      json_str_or(controller, "kind", ""), json_str_or(controller, "name", ""),
				      json_str_or(owner, "kind", ""), json_str_or(owner, "name", ""));
		else
			controller = owner;
	}
}

/* The kinds of the other two servers in the reference leave it to warnings whether a finalizer's name is fully qualified. */
static bool is_core(const struct kind *k)
{
	return !k->custom && !str_eq(k->group, "apiextensions.k8s.io") && !str_eq(k->group, "apiregistration.k8s.io");
}

static void validate_finalizers(const struct kind *k, const json_t *finalizers, struct field_errors *errors)
{
	static const char *const standard[] = {"kubernetes", "orphan", "foregroundDeletion", NULL};
	const char *broken[NAME_CHECK_MAX], *text;
	bool orphan = false, foreground = false;
	json_t *value;
	size_t i, n;

	json_array_foreach(finalizers, i, value)
	{
		AUTO_FREE char *at = xasprintf("metadata.finalizers[%zu]", i);

		text = json_string_value(value);
		n = name_check_qualified_all(text, broken);
		for (size_t b = 0; b < n; b++)
			field_invalid(errors, "metadata.finalizers", value, "%s", broken[b]);
		if (!n && is_core(k) && !strchr(text, '/') && !strv_has((char *const *)standard, text))
			field_invalid(errors, at, value,
				      "name is neither a standard finalizer name nor is it fully qualified");
		orphan |= str_eq(text, "orphan");
		foreground |= str_eq(text, "foregroundDeletion");
	}
	if (orphan && foreground)
		field_invalid(errors, "metadata.finalizers", finalizers,
			      "finalizer orphan and foregroundDeletion cannot be both set");
}

/* Once deletion has begun finalizers may only go. */
static void validate_new_finalizers(const json_t *meta, const json_t *old, struct field_errors *errors)
{
	AUTO_STR added = STR_INIT;
	json_t *value, *before;
	size_t i, j;

	if (!json_object_get(old, "deletionTimestamp"))
		return;
	json_array_foreach(json_object_get(meta, "finalizers"), i, value)
	{
		bool known = false;

		json_array_foreach(json_object_get(old, "finalizers"), j, before) known |= json_equal(value, before);
		if (!known)
			str_addf(&added, "%s\"%s\"", added.len ? ", " : "", json_string_value(value));
	}
	if (added.len)
		field_forbidden(
		    errors, "metadata.finalizers",
		    "no new finalizers can be added if the object is being deleted, found new finalizers []string{%s}",
		    str_text(&added));
}

static void validate_unchanged(const json_t *meta, const json_t *old, const char *member, struct field_errors *errors)
{
	AUTO_FREE char *at = NULL;
	json_t *now = json_object_get(meta, member), *was = json_object_get(old, member);
	AUTO_JSON *empty = json_is_string(was) && !now ? json_string("") : NULL;

	if ((!now && !was) || (now && was && json_equal(now, was)))
		return;
	at = xasprintf("metadata.%s", member);
	field_invalid(errors, at, now ? now : empty, "field is immutable");
}

static void validate_update(const json_t *meta, const json_t *old, struct field_errors *errors)
{
	static const char *const fixed[] = {
	    "name", "namespace", "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds"};

	validate_new_finalizers(meta, old, errors);
	for (size_t i = 0; i < ARRAY_LEN(fixed); i++)
		validate_unchanged(meta, old, fixed[i], errors);
	if (json_int_at(meta, "generation", 0) < json_int_at(old, "generation", 0))
		field_invalid(errors, "metadata.generation", json_object_get(meta, "generation"),
			      "must not be decremented");
}

void schema_validate_meta(const struct kind *k, const json_t *object, const json_t *old, struct field_errors *errors)
{
	const json_t *meta = json_object_get(object, "metadata");
	const json_t *generation = json_object_get(meta, "generation");

	if (!old)
		validate_names(k, meta, errors);
	if (json_integer_value(generation) < 0)
		field_invalid(errors, "metadata.generation", generation, "must be greater than or equal to 0");
	format_check_labels("metadata.labels", json_object_get(meta, "labels"), errors);
	validate_annotations(json_object_get(meta, "annotations"), errors);
	validate_owners(json_object_get(meta, "ownerReferences"), errors);
	validate_finalizers(k, json_object_get(meta, "finalizers"), errors);
	if (old)
		validate_update(meta, json_object_get(old, "metadata"), errors);
}
