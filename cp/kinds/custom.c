/* Rules that all custom resources share. Purpose: spec and status are written apart where the definition says so.
 * Happy path: without a status subresource an object is written as a whole; with one, each write changes its own part.
 * Nothing fails. */
#include <string.h>

#include "base/json.h"
#include "cp/kinds/kinds.h"

static void drop_status(json_t *obj)
{
	json_object_del(obj, "status");
}

/* Everything but status and the managers comes from the old state. */
static void keep_all_but_status(json_t *obj, const json_t *old)
{
	json_t *status = json_incref(json_object_get(obj, "status")), *meta = json_object_get(obj, "metadata");
	json_t *managers = json_incref(json_object_get(meta, "managedFields"));
	json_t *version = json_incref(json_object_get(meta, "resourceVersion"));

	json_object_clear(obj);
	json_object_update(obj, (json_t *)old);
	json_object_set_new(obj, "metadata", json_clone(json_object_get(old, "metadata")));
	meta = json_object_get(obj, "metadata");
	if (managers)
		json_object_set_new(meta, "managedFields", managers);
	if (version)
		json_object_set_new(meta, "resourceVersion", version);
	if (status)
		json_object_set_new(obj, "status", status);
	else
		json_object_del(obj, "status");
}

const struct kind_ops custom_ops = {.group = "", .kind = ""};
const struct kind_ops custom_status_ops = {.group = "",
					   .kind = "",
					   .prepare_create = drop_status,
					   .prepare_update = kind_keep_status,
					   .prepare_status = keep_all_but_status,
					   .has_status = true};
