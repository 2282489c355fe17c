/* POST. Purpose: a new object. Happy path: options and body are in order, the object is
 * stored under its name or a generated one, 201. Fails with 400, 403, 404, 409, 422. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "cp/api/update.h"

json_t *namespace_matches(struct req *q, const json_t *object)
{
	const char *ns = json_str_or(object, "metadata.namespace", "");
	if (!q->res->kind->namespaced)
		return *ns ? status_bad_request("the namespace of the provided object does not match the namespace "
						"sent on the request")
			   : NULL;
	if (*ns && strcmp(ns, q->route.ns) != 0)
		return status_bad_request(
		    "the namespace of the provided object does not match the namespace sent on the request");
	return NULL;
}

static json_t *change_create(struct write *w, const json_t *old, json_t **ret)
{
	(void)old;
	*ret = write_take_object(w);
	return NULL;
}

void verb_create(struct req *q)
{
	AUTO_JSON *object = NULL;
	json_t *status = options_check(q, "CreateOptions");
	if (!status)
		status = body_object(q, q->res->kind, &object);
	if (!status)
		status = namespace_matches(q, object);
	const char *name = json_str_or(object, "metadata.name", "");
	if (!status && *json_str_or(object, "metadata.resourceVersion", ""))
		status = status_plain_500("resourceVersion should not be set on objects to be created");
	if (status) {
		reply_status(q, status);
		return;
	}
	struct write *w = write_new(q, q->res, WRITE_CREATE, q->res->kind->namespaced ? q->route.ns : "", name);
	w->change = change_create;
	w->arg = TAKE(object);
	w->free_arg = write_free_json;
	write_start(w);
}
