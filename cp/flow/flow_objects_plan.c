/* Keeping flow control objects. Purpose: requests always find a schema and a level, and new versions bring theirs. Happy
 * path: what is missing is created; what is ours to update gets the wanted spec again. Nothing fails. */
#include "cp/flow/flow_objects_plan.h"

#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"

static const char *annotation_of(const json_t *object)
{
	const char *text = json_member(json_at(object, "metadata.annotations"), FLOW_AUTOUPDATE);
	return text ? text : "";
}

static bool is_mandatory(const json_t *object)
{
	const char *name = json_str_or(object, "metadata.name", "");
	return strcmp(name, "exempt") == 0 || strcmp(name, "catch-all") == 0;
}

/* Whether its spec is ours to keep: a suggested object without the annotation counts as ours until it was changed. */
static bool is_ours(const json_t *there)
{
	const char *text = annotation_of(there);
	if (is_mandatory(there) || strcmp(text, "true") == 0)
		return true;
	return strcmp(text, "false") != 0 && json_int_at(there, "metadata.generation", 0) == 1;
}

/* The wanted spec, but for what an administrator may choose. */
static json_t *spec_of(const json_t *wanted, const json_t *there)
{
	json_t *spec = json_deep_copy(json_object_get(wanted, "spec")), *exempt = json_at(there, "spec.exempt");
	if (json_is_object(exempt) && json_is_object(json_object_get(spec, "exempt")))
		json_object_update(json_object_get(spec, "exempt"), exempt);
	return spec;
}

/* Whether everything of wanted stands in there; what was added by defaults does not count. */
static bool contains(const json_t *there, const json_t *wanted)
{
	const char *key;
	json_t *value;
	if (!json_is_object(wanted))
		return json_equal(there, wanted);
	json_object_foreach((json_t *)wanted, key, value)
	{
		const json_t *other = json_object_get(there, key);
		bool same = json_is_array(value) ? json_array_size(value) == json_array_size(other) : contains(other, value);
		for (size_t i = 0; same && i < json_array_size(value); i++)
			same = contains(json_array_get(other, i), json_array_get(value, i));
		if (!same)
			return false;
	}
	return true;
}

enum flow_object_action flow_object_plan(const json_t *wanted, const json_t *there, json_t **ret_object)
{
	if (!there)
		return FLOW_OBJECT_CREATE;
	bool ours = is_ours(there);
	const char *text = annotation_of(there), *wants = ours ? "true" : "false";
	AUTO_JSON *spec = spec_of(wanted, there);
	if (strcmp(text, wants) == 0 && (!ours || contains(json_object_get(there, "spec"), spec)))
		return FLOW_OBJECT_FINE;
	json_t *o = json_deep_copy(there);
	json_object_set_new(json_object_at(o, "metadata.annotations"), FLOW_AUTOUPDATE, json_string(wants));
	if (ours)
		json_object_set(o, "spec", spec);
	*ret_object = o;
	return FLOW_OBJECT_UPDATE;
}

enum flow_object_action flow_object_stray(const json_t *there)
{
	return strcmp(annotation_of(there), "true") == 0 ? FLOW_OBJECT_DELETE : FLOW_OBJECT_FINE;
}

json_t *flow_dangling(const json_t *schema, bool level_exists)
{
	const char *level = json_str_or(schema, "spec.priorityLevelConfiguration.name", "");
	const char *status = level_exists ? "False" : "True", *reason = level_exists ? "Found" : "NotFound";
	AUTO_FREE char *message = xasprintf(
	    "This FlowSchema references the PriorityLevelConfiguration object named \"%s\" %s", level,
	    level_exists ? "and it exists" : "but there is no such object");
	const json_t *c;
	size_t i;
	json_array_foreach(json_at(schema, "status.conditions"), i, c)
	{
		if (str_eq(json_str_at(c, "type"), "Dangling") && str_eq(json_str_at(c, "status"), status) &&
		    str_eq(json_str_at(c, "reason"), reason) && str_eq(json_str_at(c, "message"), message))
			return NULL;
	}
	return json_pack("{s:s,s:s,s:s,s:s}", "type", "Dangling", "status", status, "reason", reason, "message", message);
}
