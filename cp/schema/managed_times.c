/* Times of managers that tell of no change: a write after which nothing differs but them is none. Nothing fails. */
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "cp/schema/managed.h"

/* Whether two lists of managers differ, and in times only. */
static bool only_times_differ(const json_t *a, const json_t *b)
{
	bool times = false;
	json_t *entry;
	size_t i;

	if (json_array_size(a) != json_array_size(b))
		return false;
	json_array_foreach(a, i, entry)
	{
		AUTO_JSON *x = json_copy(entry), *y = json_copy(json_array_get(b, i));

		times = times || !str_eq(json_member(x, "time"), json_member(y, "time"));
		json_object_del(x, "time");
		json_object_del(y, "time");
		if (!json_equal(x, y))
			return false;
	}
	return times;
}

static json_t *plain_metadata(const json_t *object)
{
	json_t *meta = json_copy(json_object_get(object, "metadata"));

	json_object_del(meta, "managedFields");
	json_object_del(meta, "resourceVersion");
	return meta;
}

static bool same_member(const json_t *a, const json_t *b, const char *key)
{
	const json_t *x = json_object_get(a, key), *y = json_object_get(b, key);

	return x == y || (x && y && json_equal(x, y));
}

/* What most writes change is looked at first. */
static bool same_but_metadata(const json_t *a, const json_t *b)
{
	const char *key;
	json_t *value;

	if (json_object_size(a) != json_object_size(b) || !same_member(a, b, "status") || !same_member(a, b, "spec"))
		return false;
	json_object_foreach((json_t *)a, key, value) if (strcmp(key, "status") && strcmp(key, "spec") && strcmp(key, "metadata") &&
							 !same_member(a, b, key)) return false;
	return true;
}

bool managed_keep_times(const json_t *live, json_t *object)
{
	json_t *before = json_at(live, "metadata.managedFields"), *now = json_at(object, "metadata.managedFields");

	if (!same_but_metadata(live, object) || !only_times_differ(before, now))
		return false;
	AUTO_JSON *old_meta = plain_metadata(live), *meta = plain_metadata(object);
	if (!json_equal(old_meta, meta))
		return false;
	json_object_set(json_object_get(object, "metadata"), "managedFields", before);
	return true;
}
