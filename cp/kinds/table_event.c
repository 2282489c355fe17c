/* Rows of events, in both shapes that the API gives them (core v1 and events.k8s.io v1). */
#include <ctype.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "cp/kinds/table_cells.h"

/* Where each shape keeps what a row tells. */
struct event_fields {
	const char *object, *source, *controller, *instance, *message, *first, *last, *count;
};

static const struct event_fields core_fields = {"involvedObject",    "source",  "reportingComponent",
						"reportingInstance", "message", "firstTimestamp",
						"lastTimestamp",     "count"};
static const struct event_fields new_fields = {
    "regarding", "deprecatedSource",         "reportingController",     "reportingInstance",
    "note",      "deprecatedFirstTimestamp", "deprecatedLastTimestamp", "deprecatedCount"};

/* "pod/web", "pod" without a name. Returns owned. */
static char *object_text(const json_t *object)
{
	const char *name = json_member(object, "name");
	char *text = xasprintf("%s%s%s", json_str_or(object, "kind", ""), str_empty(name) ? "" : "/", name ? name : "");

	for (char *p = text; *p && *p != '/'; p++)
		*p = (char)tolower((unsigned char)*p);
	return text;
}

static const char *first_of(const char *a, const char *b)
{
	return !str_empty(a) ? a : b ? b : "";
}

/* "kubelet, node1". Returns owned. */
static char *source_text(const json_t *event, const struct event_fields *f)
{
	const json_t *source = json_object_get(event, f->source);
	const char *who = first_of(json_member(source, "component"), json_member(event, f->controller));
	const char *where = first_of(json_member(source, "host"), json_member(event, f->instance));

	return xasprintf("%s%s%s", who, *where ? ", " : "", where);
}

/* Without blanks around it. Returns owned. */
static char *trimmed(const char *s)
{
	size_t n;

	s = s ? s + strspn(s, " \t\r\n") : "";
	for (n = strlen(s); n && strchr(" \t\r\n", s[n - 1]); n--)
		;
	return xstrndup(s, n);
}

static void cells(const json_t *e, const struct event_fields *f, int64_t now_ms, json_t *row)
{
	const char *first_time = first_of(json_member(e, f->first), json_member(e, "eventTime"));
	const char *last_time = first_of(json_member(e, f->last), first_time);
	int64_t count = json_int_at(e, f->count, 0);
	const json_t *series = json_object_get(e, "series");
	AUTO_FREE char *object = object_text(json_object_get(e, f->object)), *source = source_text(e, f);
	AUTO_FREE char *message = trimmed(json_member(e, f->message)), *first = age_text(first_time, now_ms),
		       *last = NULL;

	if (json_is_object(series)) {
		last_time = json_member(series, "lastObservedTime");
		count = json_int_at(series, "count", 0);
	} else if (!count) {
		count = 1;
	}
	last = age_text(last_time, now_ms);
	row_add(row, last);
	row_add(row, json_member(e, "type"));
	row_add(row, json_member(e, "reason"));
	row_add(row, object);
	row_add(row, json_member(json_object_get(e, f->object), "fieldPath"));
	row_add(row, source);
	row_add(row, message);
	row_add(row, first);
	row_add_int(row, count);
	row_add(row, json_str_at(e, "metadata.name"));
}

static void core_event_cells(const json_t *e, int64_t now_ms, json_t *row)
{
	cells(e, &core_fields, now_ms, row);
}

static void event_cells(const json_t *e, int64_t now_ms, json_t *row)
{
	cells(e, &new_fields, now_ms, row);
}

static const struct table_column event_columns[] = {
    {"Last Seen", "string", "", 0, "Time since the event happened last", NULL, NULL},
    {"Type", "string", "", 0, "Normal or Warning", NULL, NULL},
    {"Reason", "string", "", 0, "One word for why it happened", NULL, NULL},
    {"Object", "string", "", 0, "What it happened to", NULL, NULL},
    {"Subobject", "string", "", 1, "The part of the object concerned", NULL, NULL},
    {"Source", "string", "", 1, "Who reported it, and from where", NULL, NULL},
    {"Message", "string", "", 0, "What happened, in words", NULL, NULL},
    {"First Seen", "string", "", 1, "Time since the event happened first", NULL, NULL},
    {"Count", "string", "", 1, "How often it has happened", NULL, NULL},
    {"Name", "string", "name", 1, "Name of the event object", NULL, NULL},
};

const struct table_printer table_core_events = {
    .group = "", .plural = "events", COLUMNS(event_columns), .cells = core_event_cells};
const struct table_printer table_events = {
    .group = "events.k8s.io", .plural = "events", COLUMNS(event_columns), .cells = event_cells};
