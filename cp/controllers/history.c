/* Revisions of templates: made, found, ordered, deleted; pure, nothing can fail.
 *
 * Two revisions are the same when their data are; the newest is the one with the largest number, so that going back to an old
 * template gives its revision a new number. */
#include "cp/controllers/history.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "cp/controllers/object.h"
#include "cp/controllers/template.h"

json_t *history_data(const json_t *owner)
{
	json_t *template = json_deep_copy(json_at(owner, "spec.template"));
	json_set_str(template, "$patch", "replace");
	return json_pack("{s:{s:o}}", "spec", "template", template);
}

int64_t history_number(const json_t *revision)
{
	return json_int_at(revision, "revision", 0);
}

static int by_number(const void *a, const void *b)
{
	const json_t *x = *(json_t *const *)a, *y = *(json_t *const *)b;
	int64_t nx = history_number(x), ny = history_number(y);
	return nx != ny ? (nx < ny ? -1 : 1) : strcmp(object_name(x), object_name(y));
}

json_t *history_sorted(const json_t *revisions)
{
	size_t n = json_array_size(revisions);
	AUTO_FREE json_t **v = xcalloc(n + 1, sizeof(*v));
	json_t *sorted = json_array();
	for (size_t i = 0; i < n; i++)
		v[i] = json_array_get(revisions, i);
	qsort(v, n, sizeof(*v), by_number);
	for (size_t i = 0; i < n; i++)
		json_array_append(sorted, v[i]);
	return sorted;
}

json_t *history_find(const json_t *revisions, const json_t *data)
{
	for (size_t i = json_array_size(revisions); i-- > 0;) {
		json_t *revision = json_array_get(revisions, i);
		if (json_equal(json_object_get(revision, "data"), data))
			return revision;
	}
	return NULL;
}

char *history_name(const json_t *owner)
{
	char hash[12];
	template_hash(json_at(owner, "spec.template"), json_at(owner, "status.collisionCount"), hash);
	return xasprintf("%s-%s", object_name(owner), hash);
}

json_t *history_new(const json_t *owner, const struct adopt_kind *kind, const char *label, const char *name, int64_t number)
{
	json_t *labels = json_deep_copy(json_at(owner, "spec.template.metadata.labels"));
	json_t *annotations = json_at(owner, "metadata.annotations");
	if (!labels)
		labels = json_object();
	json_object_set_new(labels, label, json_string(strrchr(name, '-') + 1));
	json_t *revision = json_pack("{s:s, s:s, s:{s:s, s:o, s:[o]}, s:o, s:I}", "apiVersion", "apps/v1", "kind", "ControllerRevision",
				     "metadata", "name", name, "labels", labels, "ownerReferences",
				     object_owner_ref(owner, kind->owner_api_version, kind->owner_kind), "data", history_data(owner),
				     "revision", (json_int_t)number);
	if (annotations)
		json_object_set(json_object_get(revision, "metadata"), "annotations", annotations);
	return revision;
}

json_t *history_template(const json_t *revision)
{
	json_t *template = json_deep_copy(json_at(revision, "data.spec.template"));
	json_object_del(template, "$patch");
	return template;
}

char *history_path(const json_t *owner, const char *name)
{
	return object_path("apps", "v1", object_ns(owner), "controllerrevisions", name);
}

void history_truncate(const json_t *sorted, const json_t *live, int64_t limit, struct plan *plan)
{
	size_t i;
	json_t *revision;
	int64_t dead = 0;
	json_array_foreach(sorted, i, revision) dead += !json_has_text(live, object_name(revision));
	json_array_foreach(sorted, i, revision)
	{
		if (dead <= limit)
			return;
		if (json_has_text(live, object_name(revision)))
			continue;
		AUTO_FREE char *path = history_path(revision, object_name(revision));
		plan_delete(plan, path, object_uid(revision), -1, NULL);
		dead--;
	}
}
