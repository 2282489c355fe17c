/* Rules of events, in both of their versions. Purpose: an event stands where its object is. Happy path: what was written
 * by the rules of the older version stays writable there; an event with an eventTime tells who reports what, and the newer
 * version asks for that, and changes nothing but the series later. Nothing fails. */
#include <string.h>

#include "api/names.h"
#include "base/json.h"
#include "base/str.h"
#include "cp/kinds/go_value.h"
#include "cp/kinds/kinds.h"

enum { REPORTER_MAX = 128, ACTION_MAX = 128, REASON_MAX = 128, NOTE_MAX = 1024 };

/* Where the two versions differ in names; errors are told in those of the older. */
struct event_names {
	const char *object, *note, *controller;
};
static const struct event_names core_names = { "involvedObject", "message", "reportingComponent" },
				events_names = { "regarding", "note", "reportingController" };

static void too_long(const json_t *event, const char *key, const char *path, size_t max, struct field_errors *errors)
{
	AUTO_JSON *hidden = json_string("");
	if (strlen(json_str_or(event, key, "")) > max)
		field_invalid(errors, path, hidden, "can have at most %zu characters", max);
}

static void required_text(const json_t *event, const char *key, const char *path, struct field_errors *errors)
{
	if (str_empty(json_str_at(event, key)))
		field_required(errors, path, NULL);
}

static void validate_reporter(const json_t *event, const struct event_names *n, struct field_errors *errors)
{
	required_text(event, n->controller, n->controller, errors);
	validate_name(json_str_or(event, n->controller, ""), n->controller, name_check_qualified, errors);
	required_text(event, "reportingInstance", "reportingInstance", errors);
	too_long(event, "reportingInstance", "reportingInstance", REPORTER_MAX, errors);
	required_text(event, "action", "action", errors);
	too_long(event, "action", "action", ACTION_MAX, errors);
	required_text(event, "reason", "reason", errors);
	too_long(event, "reason", "reason", REASON_MAX, errors);
	too_long(event, n->note, "message", NOTE_MAX, errors);
}

/* The rules of both versions. */
static void validate_event(const json_t *event, const struct event_names *n, struct field_errors *errors)
{
	const char *ns = json_str_or(event, "metadata.namespace", ""), *of = json_member(json_object_get(event, n->object), "namespace");
	bool timed = json_str_at(event, "eventTime") != NULL, system = timed && !strcmp(ns, "kube-system");
	bool apart = !timed && !str_empty(of) ? strcmp(ns, of) != 0 : str_empty(of) && *ns && strcmp(ns, "default") != 0 && !system;
	if (apart) {
		AUTO_JSON *v = json_string(of ? of : "");
		field_invalid(errors, "involvedObject.namespace", v, "does not match event.namespace");
	}
	if (timed)
		validate_reporter(event, n, errors);
}

static void event_validate(const json_t *event, const json_t *old, struct field_errors *errors)
{
	(void)old;
	validate_event(event, &core_names, errors);
}

static void validate_series(const json_t *event, struct field_errors *errors)
{
	const json_t *series = json_object_get(event, "series");
	AUTO_JSON *hidden = json_string("");
	if (!series)
		return;
	if (json_int_at(series, "count", 0) < 2)
		field_invalid(errors, "series.count", hidden, "should be at least 2");
	if (!json_str_at(series, "lastObservedTime"))
		field_required(errors, "series.lastObservedTime", NULL);
}

static bool is_set(const json_t *v)
{
	return v && !json_is_null(v) && json_object_size(v) + json_string_length(v) + (size_t)json_integer_value(v) > 0;
}

static void validate_new(const json_t *event, struct field_errors *errors)
{
	static const char *const unset[][2] = { { "deprecatedFirstTimestamp", "firstTimestamp" }, { "deprecatedLastTimestamp", "lastTimestamp" },
						{ "deprecatedCount", "count" }, { "deprecatedSource", "source" } };
	const char *type = json_str_or(event, "type", "");
	AUTO_JSON *hidden = json_string("");
	validate_series(event, errors);
	if (!json_str_at(event, "eventTime"))
		field_required(errors, "eventTime", NULL);
	if (strcmp(type, "Normal") && strcmp(type, "Warning"))
		field_invalid(errors, "type", hidden, "has invalid value: %s", type);
	for (size_t i = 0; i < ARRAY_LEN(unset); i++)
		if (is_set(json_object_get(event, unset[i][0])))
			field_invalid(errors, unset[i][1], hidden, "needs to be unset");
}

/* What an update of the newer version may not change: its names here and in errors, and the type where it has members. */
static void validate_frozen(const json_t *event, const json_t *old, struct field_errors *errors)
{
	static const struct {
		const char *key, *shown, *type;
	} frozen[] = { { "regarding", "involvedObject", "core.v1.ObjectReference" },
		       { "reason", "reason", NULL },
		       { "note", "message", NULL },
		       { "deprecatedSource", "source", "core.v1.EventSource" },
		       { "deprecatedFirstTimestamp", "firstTimestamp", NULL },
		       { "deprecatedLastTimestamp", "lastTimestamp", NULL },
		       { "deprecatedCount", "count", NULL },
		       { "type", "type", NULL },
		       { "eventTime", "eventTime", NULL },
		       { "action", "action", NULL },
		       { "related", "related", "core.v1.ObjectReference" },
		       { "reportingController", "reportingController", NULL },
		       { "reportingInstance", "reportingInstance", NULL } };
	for (size_t i = 0; i < ARRAY_LEN(frozen); i++) {
		const json_t *now = json_object_get(event, frozen[i].key), *before = json_object_get(old, frozen[i].key);
		const struct type *t = frozen[i].type && errors->schema ? schema_type(errors->schema, frozen[i].type) : NULL;
		if (json_equal(now, before) || (!is_set(now) && !is_set(before)))
			continue;
		AUTO_JSON *shown = t && now ? go_value(t, now) : now ? json_incref((json_t *)now) : json_string("");
		field_invalid(errors, frozen[i].shown, shown, "field is immutable");
	}
}

static void new_event_validate(const json_t *event, const json_t *old, struct field_errors *errors)
{
	validate_event(event, &events_names, errors);
	if (!old) {
		validate_new(event, errors);
		return;
	}
	if (!json_equal(json_object_get(event, "series"), json_object_get(old, "series")))
		validate_series(event, errors);
	validate_frozen(event, old, errors);
}

const struct kind_ops event_ops = { .group = "", .kind = "Event", .validate = event_validate };
const struct kind_ops events_event_ops = { .group = "events.k8s.io", .kind = "Event", .validate = new_event_validate };
