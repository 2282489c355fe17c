/* Views. Purpose: two names for one object without storing it twice. Happy path: most kinds are stored as they are
 * shown; for the others a table has the functions that convert both ways: an events.k8s.io Event is the core Event with
 * fields renamed, an autoscaler of v1 one of v2. Nothing fails; what a conversion does not know stays. */
#include "cp/api/view.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "cp/api/custom.h"
#include "cp/api/encode.h"
#include "cp/kinds/hpa_convert.h"

static const struct {
	const char *shown, *stored;
} renames[] = {
    {"regarding", "involvedObject"},
    {"note", "message"},
    {"deprecatedSource", "source"},
    {"deprecatedFirstTimestamp", "firstTimestamp"},
    {"deprecatedLastTimestamp", "lastTimestamp"},
    {"deprecatedCount", "count"},
    {"reportingController", "reportingComponent"},
};

static bool is_view(const struct resource *res)
{
	return res->stored != res->kind;
}

static void set_kind(json_t *object, const struct kind *k)
{
	AUTO_FREE char *api = *k->group ? xasprintf("%s/%s", k->group, k->version) : xstrdup(k->version);
	json_object_set_new(object, "kind", json_string(k->kind));
	json_object_set_new(object, "apiVersion", json_string(api));
}

static void rename_member(json_t *object, const char *from, const char *to)
{
	json_t *value = json_incref(json_object_get(object, from));
	if (!value)
		return;
	json_object_del(object, from);
	json_object_set_new(object, to, value);
}

/* Texts that are always there in the core's events. */
static const char *const event_texts[] = {"reportingController", "reportingInstance"};

static void event_to_stored(json_t *event)
{
	for (size_t i = 0; i < ARRAY_LEN(renames); i++)
		rename_member(event, renames[i].shown, renames[i].stored);
}

static void event_from_stored(json_t *event)
{
	for (size_t i = 0; i < ARRAY_LEN(renames); i++)
		rename_member(event, renames[i].stored, renames[i].shown);
	for (size_t i = 0; i < ARRAY_LEN(event_texts); i++)
		if (str_empty(json_str_or(event, event_texts[i], "")))
			json_object_del(event, event_texts[i]);
}

static const struct view {
	const char *group, *version, *plural; /* as it is shown */
	void (*to_stored)(json_t *object);
	void (*from_stored)(json_t *object);
} views[] = {
    {"events.k8s.io", "v1", "events", event_to_stored, event_from_stored},
    {"autoscaling", "v1", "horizontalpodautoscalers", hpa_v1_to_v2, hpa_v2_to_v1},
};

static const struct view *view_of(const struct kind *k)
{
	for (size_t i = 0; i < ARRAY_LEN(views); i++)
		if (strcmp(views[i].group, k->group) == 0 && strcmp(views[i].version, k->version) == 0 &&
		    strcmp(views[i].plural, k->plural) == 0)
			return &views[i];
	return NULL;
}

void view_to_stored(const struct resource *res, json_t *object)
{
	if (res->custom) {
		custom_store(res, object);
		return;
	}
	if (!is_view(res))
		return;
	const struct view *v = view_of(res->kind);
	if (v)
		v->to_stored(object);
	set_kind(object, res->stored);
}

void view_from_stored(const struct resource *res, json_t *object, uint64_t rev)
{
	if (res->custom) {
		custom_show(res, object, rev);
		return;
	}
	if (!is_view(res))
		return;
	const struct view *v = view_of(res->kind);
	if (v)
		v->from_stored(object);
	set_kind(object, res->kind);
}

json_t *view_parse(const struct resource *res, const struct cobj *o)
{
	json_t *object = cobj_parse(o);
	if (!view_is_plain(res, o))
		view_from_stored(res, object, o->rev);
	return object;
}

json_t *view_take(const struct resource *res, struct cobj *o)
{
	return view_is_plain(res, o) ? cobj_take(o) : view_parse(res, o);
}

bool view_is_plain(const struct resource *res, const struct cobj *o)
{
	return res->custom ? custom_is_plain(res, o->json, o->rev) : !is_view(res);
}

struct buf *view_bytes(const struct resource *res, const struct cobj *o)
{
	AUTO_JSON *object = NULL;
	if (view_is_plain(res, o) || json_parse(o->json->data, o->json->len, &object, NULL) < 0)
		return buf_ref(o->json);
	view_from_stored(res, object, o->rev);
	return encode_object(res->kind, object);
}

struct buf *view_encode_stored(const struct resource *res, json_t *object)
{
	if (!is_view(res))
		return encode_stored(res->kind, object);
	AUTO_JSON *copy = json_clone(object);
	view_to_stored(res, copy);
	return encode_stored(res->stored, copy);
}

char *view_field_selector(const struct kind *k, const char *text)
{
	struct str out = STR_INIT;
	bool events = strcmp(k->group, "events.k8s.io") == 0;
	for (const char *at = text; *at;) {
		size_t n = strcspn(at, ","), skip = 0;
		for (size_t i = 0; events && i < ARRAY_LEN(renames) && !skip; i++) {
			size_t len = strlen(renames[i].shown);
			if (strncmp(at, renames[i].shown, len) != 0 || !strchr(".=!", at[len]))
				continue;
			str_add(&out, renames[i].stored);
			skip = len;
		}
		n += at[n] == ',';
		str_addn(&out, at + skip, n - skip);
		at += n;
	}
	return str_take(&out);
}
