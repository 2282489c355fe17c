/* DeleteOptions. Purpose: one reading of what a delete asks for. Happy path: no body and no query: the defaults. Fails
 * with 400 for what does not parse, 415 for what is in no known form and 422 for what does not fit together. What always
 * holds: a body says everything, and then nothing of the query counts, as in the original. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "cp/api/delete.h"
#include "cp/schema/json_error.h"

#define AT_ONCE_S 1 /* what stands for a grace period below 0 */

/* The values of dryRun in the query. Owned. */
static json_t *query_dry_run(const struct req *q)
{
	json_t *values = json_array();
	for (size_t i = 0; query_nth(&q->query, "dryRun", i); i++)
		json_array_append_new(values, json_string(query_nth(&q->query, "dryRun", i)));
	return values;
}

static json_t *read_query(const struct req *q, struct delete_options *ret)
{
	const char *grace = req_param(q, "gracePeriodSeconds"), *policy = req_param(q, "propagationPolicy");
	if (!str_empty(grace) && str_to_i64(grace, &ret->grace) < 0)
		return status_bad_request("strconv.ParseInt: parsing \"%s\": invalid syntax", grace);
	if (!str_empty(grace) && ret->grace < 0)
		ret->grace = AT_ONCE_S;
	if (!str_empty(policy))
		ret->policy = xstrdup(policy);
	if (req_param(q, "orphanDependents"))
		ret->orphan = query_bool(&q->query, "orphanDependents");
	return NULL;
}

static void read_body(const json_t *body, struct delete_options *ret)
{
	const char *policy = json_str_at(body, "propagationPolicy"), *uid = json_str_at(body, "preconditions.uid");
	const char *rv = json_str_at(body, "preconditions.resourceVersion");
	ret->grace = json_int_at(body, "gracePeriodSeconds", ret->grace);
	if (ret->grace < 0 && json_object_get(body, "gracePeriodSeconds"))
		ret->grace = AT_ONCE_S;
	if (policy)
		ret->policy = xstrdup(policy);
	if (json_is_boolean(json_object_get(body, "orphanDependents")))
		ret->orphan = json_is_true(json_object_get(body, "orphanDependents"));
	if (uid)
		ret->uid = xstrdup(uid);
	if (rv)
		ret->rv = xstrdup(rv);
}

static void check(const struct delete_options *o, struct field_errors *errors)
{
	static const char *const policies[] = {"Foreground", "Background", "Orphan", "nil", NULL};
	AUTO_JSON *value = o->policy ? json_string(o->policy) : NULL;
	if (!o->policy)
		return;
	if (!strv_has((char *const *)policies, o->policy) || strcmp(o->policy, "nil") == 0)
		field_not_supported(errors, "propagationPolicy", value, policies);
	else if (o->orphan >= 0)
		field_invalid(errors, "propagationPolicy", value,
			      "orphanDependents and deletionPropagation cannot be both set");
}

static void check_dry_run(const json_t *values, struct field_errors *errors)
{
	static const char *const supported[] = {"All", NULL};
	bool bad = false;
	size_t i;
	json_t *v;
	json_array_foreach(values, i, v) bad = bad || strcmp(json_string_value(v), "All") != 0;
	if (bad)
		field_not_supported(errors, "dryRun", values, supported);
}

/* Options may come as those of any group; of other things, those that belong to no group are known, too. */
static json_t *check_kind(const json_t *body)
{
	static const char *const of_meta[] = {"APIGroup", "APIGroupList", "APIResourceList", "APIVersions", "Status", NULL};
	const char *kind = json_str_or(body, "kind", ""), *version = json_str_or(body, "apiVersion", "meta.k8s.io/v1");
	if (!*kind || strcmp(kind, "DeleteOptions") == 0)
		return NULL;
	if (strv_has((char *const *)of_meta, kind))
		return status_bad_request("decoded object cannot be converted to DeleteOptions");
	return status_bad_request("no kind \"%s\" is registered for version \"%s\" in scheme "
				  "\"k8s.io/apimachinery/pkg/apis/meta/internalversion/scheme/register.go:27\"",
				  kind, version);
}

/* The body as DeleteOptions; NULL: there is none. */
static json_t *read_object(struct req *q, json_t **ret)
{
	AUTO_JSON *body = NULL;
	size_t len = 0;
	enum body_type type = negotiate_body(q->content_type);
	bool known = type == BODY_JSON || type == BODY_YAML || type == BODY_PROTOBUF;
	if (q->x)
		http_body(q->x, &len);
	if (len && !known)
		return status_unsupported_body();
	json_t *status = body_parse(q, type, &body);
	if (status) {
		AUTO_FREE char *why = xstrdup(json_str_or(status, "message", ""));
		json_decref(status);
		return status_bad_request("couldn't get version/kind; json parse error: %s", why);
	}
	struct err e = ERR_INIT;
	if (body && !json_is_object(body) && !json_is_null(body)) {
		AUTO_FREE char *why = json_misfit(
		    body, "struct { APIVersion string \"json:\\\"apiVersion,omitempty\\\"\"; Kind string "
			  "\"json:\\\"kind,omitempty\\\"\" }");
		return status_bad_request("couldn't get version/kind; json parse error: %s", why);
	}
	status = check_kind(body);
	if (!status && !q->local && json_object_size(body) &&
	    schema_decode_type(schema_type(q->api->schema, "meta.v1.DeleteOptions"), body, NULL, &e) < 0)
		status = status_bad_request("%s", err_text(&e));
	*ret = status ? NULL : TAKE(body);
	return status;
}

static json_t *conclude(struct delete_options *o, const json_t *dry_run)
{
	AUTO_FIELD_ERRORS errors = {0};
	o->dry_run = json_array_size(dry_run);
	check(o, &errors);
	check_dry_run(dry_run, &errors);
	return errors.n ? status_invalid("meta.k8s.io", "DeleteOptions", "", &errors) : NULL;
}

json_t *delete_options_read(struct req *q, struct delete_options *ret)
{
	AUTO_JSON *body = NULL;
	AUTO_JSON *dry_run = NULL;
	*ret = (struct delete_options){.grace = -1, .orphan = -1};
	json_t *status = read_object(q, &body);
	if (body)
		read_body(body, ret);
	else if (!status)
		status = read_query(q, ret);
	if (status)
		return status;
	dry_run = body ? json_incref(json_object_get(body, "dryRun")) : query_dry_run(q);
	return conclude(ret, dry_run);
}

json_t *delete_options_take(const json_t *options, struct delete_options *ret)
{
	*ret = (struct delete_options){.grace = -1, .orphan = -1};
	read_body(options, ret);
	return conclude(ret, json_object_get(options, "dryRun"));
}
