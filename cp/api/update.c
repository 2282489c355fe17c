/* PUT, on objects and their status. Purpose: replace an object by a new state. Happy path: the body names the object of
 * the path and the state that it was made from (or none: then the newest is replaced). Fails with 400, 404, 409, 422.
 */
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "cp/api/traits.h"
#include "cp/api/update.h"

json_t *update_check_identity(const struct req *q, const json_t *object)
{
	const char *name = json_str_or(object, "metadata.name", "");
	if (!*name)
		return status_bad_request(
		    "the name of the object (%s based on URL) was undeterminable: name must be provided",
		    q->route.name);
	if (strcmp(name, q->route.name) != 0)
		return status_bad_request("the name of the object (%s) does not match the name on the URL (%s)", name,
					  q->route.name);
	return NULL;
}

static json_t *must_have_rv(const struct kind *k, const char *name)
{
	AUTO_FIELD_ERRORS errors = {0};
	AUTO_JSON *zero = json_integer(0);
	field_invalid(&errors, "metadata.resourceVersion", zero, "must be specified for an update");
	return status_invalid(k->group, k->plural, name, &errors);
}

json_t *update_other_uid(const struct write *w, const char *uid, const json_t *old)
{
	const struct kind *k = w->res->kind;
	AUTO_FREE char *key = bucket_key(w->res->bucket, w->ns, w->name);
	return status_conflict(k->group, k->plural, w->name,
			       "StorageError: invalid object, Code: 4, Key: %s, ResourceVersion: 0, AdditionalErrorMsg: "
			       "Precondition failed: UID in precondition: %s, UID in object meta: %s",
			       key, uid, json_str_or(old, "metadata.uid", ""));
}

/* A resourceVersion that is no number at all. */
static json_t *unreadable_rv(const char *rv)
{
	if (rv[strspn(rv, "0123456789")] == '\0')
		return NULL;
	return status_plain_500("strconv.ParseUint: parsing \"%s\": invalid syntax", rv);
}

json_t *update_check_preconditions(struct write *w, const json_t *object, const json_t *old)
{
	const struct kind *k = w->res->kind;
	const char *rv = json_str_or(object, "metadata.resourceVersion", ""),
		   *uid = json_str_or(object, "metadata.uid", "");
	const char *old_uid = json_str_or(old, "metadata.uid", "");
	bool patched =
	    strcmp(w->q->route.verb, "patch") == 0; /* what a patch does to the uid is for validation to judge */
	w->conditional = *rv && strcmp(rv, "0") != 0;
	if (*uid && !patched && strcmp(uid, old_uid) != 0)
		return update_other_uid(w, uid, old);
	json_t *status = unreadable_rv(rv);
	if (status)
		return status;
	if (w->conditional && strcmp(rv, json_str_or(old, "metadata.resourceVersion", "")) != 0)
		return status_modified(k->group, k->plural, w->name);
	bool free_form = negotiate_body(w->q->content_type) == BODY_APPLY || strcmp(w->q->route.subresource, "scale") == 0;
	if (!w->conditional && traits_of(k)->needs_rv && !free_form)
		return must_have_rv(k, w->name);
	return NULL;
}

static json_t *change_update(struct write *w, const json_t *old, json_t **ret)
{
	json_t *object = w->arg;
	if (old) {
		json_t *status = update_check_preconditions(w, object, old);
		if (status)
			return status;
	}
	*ret = write_take_object(w);
	return NULL;
}

/* An update that names the uid of an object that has gone is not for another one, nor for none. */
static json_t *absent(struct write *w)
{
	const char *uid = json_str_or(w->arg, "metadata.uid", "");
	return *uid ? update_other_uid(w, uid, NULL) : NULL;
}

void write_free_json(void *arg)
{
	json_decref(arg);
}

void verb_update(struct req *q)
{
	AUTO_JSON *object = NULL;
	json_t *status = options_check(q, "UpdateOptions");
	if (!status)
		status = body_object(q, q->res->kind, &object);
	if (!status)
		status = namespace_matches(q, object);
	if (!status)
		status = update_check_identity(q, object);
	if (status) {
		reply_status(q, status);
		return;
	}
	struct write *w = write_new(q, q->res, write_kind_of(q),
				    q->res->kind->namespaced ? q->route.ns : "", q->route.name);
	w->create_allowed = !*q->route.subresource && traits_of(q->res->kind)->create_on_update;
	w->change = change_update;
	w->absent = absent;
	w->arg = TAKE(object);
	w->free_arg = write_free_json;
	write_start(w);
}
