/* Objects within objects (apiextensions: x-kubernetes-embedded-resource). Purpose: each says what it is, and has metadata
 * that could stand by itself. Happy path: find them by their rules and add nothing. Nothing fails. What always holds:
 * metadata whose members have other types than those of all objects is not looked into. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "api/names.h"
#include "base/json.h"
#include "base/mem.h"
#include "cp/schema/rules_checker.h"

/* "v1", "apps/v1". */
static void check_api_version(struct checker *c, const json_t *v)
{
	const char *text = json_string_value(v), *slash = strchr(text, '/');

	if (slash && strchr(slash + 1, '/'))
		field_invalid(c->errors, checker_field(c), v, "unexpected GroupVersion string: %s", text);
}

static void check_kind(struct checker *c, const json_t *v)
{
	AUTO_FREE char *lower = xstrdup(json_string_value(v));

	for (char *p = lower; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	const char *why = name_check_label_1035(lower);
	if (why)
		field_invalid(c->errors, checker_field(c), v, "may have mixed case, but should otherwise match: %s", why);
}

static void check_type(struct checker *c, const json_t *object)
{
	static const struct {
		const char *name;
		void (*check)(struct checker *c, const json_t *v);
	} members[] = {{"apiVersion", check_api_version}, {"kind", check_kind}};

	for (size_t i = 0; i < ARRAY_LEN(members); i++) {
		const json_t *member = json_object_get(object, members[i].name);
		size_t before = checker_enter(c, members[i].name);
		if (member && !json_is_string(member))
			field_invalid(c->errors, checker_field(c), member, "must be a string");
		else if (!json_string_length(member))
			field_required(c->errors, checker_field(c), NULL);
		else
			members[i].check(c, member);
		checker_leave(c, before);
	}
}

static bool is_text(const json_t *v)
{
	return json_is_string(v);
}

static bool are_texts(const json_t *v)
{
	size_t i;
	json_t *one;
	const char *key;

	json_array_foreach(v, i, one) if (!is_text(one)) return false;
	json_object_foreach((json_t *)v, key, one) if (!is_text(one)) return false;
	return json_is_array(v) || json_is_object(v);
}

static bool are_objects(const json_t *v)
{
	size_t i;
	json_t *one;

	json_array_foreach(v, i, one) if (!json_is_object(one)) return false;
	return json_is_array(v);
}

/* Whether the members that have rules are of the types that the rules are for. */
static bool is_metadata(const json_t *meta)
{
	static const struct {
		const char *name;
		bool (*fits)(const json_t *v);
	} members[] = {{"name", is_text},	 {"generateName", is_text},  {"namespace", is_text},	  {"labels", are_texts},
		       {"annotations", are_texts}, {"finalizers", are_texts}, {"ownerReferences", are_objects}};

	for (size_t i = 0; i < ARRAY_LEN(members); i++) {
		const json_t *v = json_object_get(meta, members[i].name);
		if (v && !members[i].fits(v))
			return false;
	}
	return json_is_object(meta);
}

/* The rules of all metadata; a name is not asked for. */
static void check_metadata(struct checker *c, const json_t *object)
{
	const json_t *meta = json_object_get(object, "metadata");
	static const struct custom_kind custom = {0};
	struct kind any = {.custom = &custom, .namespaced = json_string_length(json_object_get(meta, "namespace")), .name_format = "path-segment"};
	AUTO_FIELD_ERRORS errors = {0};

	if (!is_metadata(meta))
		return;
	AUTO_JSON *named = json_pack("{s:o}", "metadata", json_copy((json_t *)meta));
	if (!json_string_length(json_object_get(meta, "name")))
		json_set_str(named, "metadata.name", "any");
	schema_validate_meta(&any, named, NULL, &errors);
	for (size_t i = 0; i < errors.n; i++) {
		size_t before = checker_enter(c, errors.v[i].field);
		field_add(c->errors, errors.v[i].reason, checker_field(c), "%s", errors.v[i].message);
		checker_leave(c, before);
	}
}

void rules_check_embedded(struct checker *c, const struct rules *r, const json_t *v)
{
	size_t i, before = c->path.len;
	const char *key;
	json_t *below;

	if (r->embedded && json_is_object(v)) {
		check_type(c, v);
		check_metadata(c, v);
	}
	if (r->items)
		json_array_foreach(v, i, below)
		{
			str_addf(&c->path, "[%zu]", i);
			rules_check_embedded(c, r->items, below);
			checker_leave(c, before);
		}
	json_object_foreach((json_t *)v, key, below)
	{
		const struct rules *own = checker_enter_member(c, r, key);
		if (!own)
			continue;
		rules_check_embedded(c, own, below);
		checker_leave(c, before);
	}
}
