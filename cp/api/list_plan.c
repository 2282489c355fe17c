/* List options. Purpose: decide what a list or watch means before anything is read. Happy path: selectors parse, the
 * resourceVersion rules hold, a continue token gives revision and key. Fails with a 400 or 422 Status in the
 * original's words. */
#include "cp/api/list_plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "cp/schema/status.h"
#include "cp/api/view.h"
#include "cp/schema/json_error.h"

char *continue_encode(uint64_t rev, int64_t at_s, const char *key)
{
	AUTO_STR json = STR_INIT;
	struct str out = STR_INIT;
	str_addf(&json, "{\"v\":\"meta.k8s.io/v1\",\"rv\":%lld,\"start\":", rev ? (long long)rev : -1LL);
	str_add_json(&json, key);
	str_addf(&json, ",\"at\":%lld}", (long long)at_s);
	base64url_encode(&out, json.p, json.len);
	return str_take(&out);
}

/* Where a text stops being base64url without padding; -1: nowhere. */
static ssize_t base64_fault(const char *text)
{
	size_t n = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");
	return text[n] ? (ssize_t)n : n % 4 == 1 ? (ssize_t)n - 1 : -1;
}

/* Keys stay below their collection. */
static bool is_clean(const char *key)
{
	AUTO_FREE char *slashed = xasprintf("%s%s/", *key == '/' ? "" : "/", key);
	return !strstr(slashed, "//") && !strstr(slashed, "/./") && !strstr(slashed, "/../");
}

static int token_json(const char *token, json_t **ret, struct err *e)
{
	AUTO_STR text = STR_INIT;
	ssize_t fault = base64_fault(token);
	if (fault >= 0)
		return err_set(e, -EINVAL, "continue key is not valid: illegal base64 data at input byte %zd", fault);
	if (base64url_decode(&text, token, strlen(token)) < 0)
		return err_set(e, -EINVAL, "continue key is not valid");
	if (json_parse(str_text(&text), text.len, ret, NULL) == 0)
		return 0;
	AUTO_FREE char *why = json_error_text(str_text(&text), text.len);
	return err_set(e, -EINVAL, "continue key is not valid: %s", why ? why : "not JSON");
}

int continue_decode(const char *token, uint64_t *ret_rev, int64_t *ret_at_s, char **ret_key, struct err *e)
{
	AUTO_JSON *j = NULL;
	int r = token_json(token, &j, e);
	if (r < 0)
		return r;
	const char *start = json_str_or(j, "start", ""), *version = json_str_or(j, "v", "");
	int64_t rev = json_int_at(j, "rv", 0);
	if (strcmp(version, "meta.k8s.io/v1") != 0)
		return err_set(e, -EINVAL, "continue key is not valid: server does not recognize this encoded version %s", version);
	if (!rev)
		return err_set(e, -EINVAL,
			       "continue key is not valid: incorrect encoded start resourceVersion (version meta.k8s.io/v1)");
	if (!*start)
		return err_set(e, -EINVAL, "continue key is not valid: encoded start key empty (version meta.k8s.io/v1)");
	if (!is_clean(start))
		return err_set(e, -EINVAL, "continue key is not valid: %s", start);
	*ret_rev = rev < 0 ? 0 : (uint64_t)rev;
	*ret_at_s = json_int_at(j, "at", 0);
	*ret_key = xstrdup(start);
	return 0;
}

static bool digits_only(const char *s)
{
	return *s && strspn(s, "0123456789") == strlen(s) && strlen(s) < 20;
}

static json_t *bad_number(const char *value)
{
	return status_bad_request("strconv.ParseInt: parsing \"%s\": invalid syntax", value);
}

static json_t *read_int(const struct query *q, const char *name, int64_t *ret)
{
	const char *v = query_get(q, name);
	*ret = 0;
	if (!v || !*v)
		return NULL;
	return str_to_i64(v, ret) < 0 ? bad_number(v) : NULL;
}

static bool field_is_known(const struct kind *k, const char *field)
{
	if (strcmp(field, "metadata.name") == 0 || (k->namespaced && strcmp(field, "metadata.namespace") == 0))
		return true;
	for (size_t i = 0; k->field_labels && k->field_labels[i]; i++)
		if (strcmp(k->field_labels[i], field) == 0)
			return true;
	return false;
}

static json_t *unknown_field(const struct kind *k, const char *field)
{
	if (!strcmp(k->kind, "Job") && !strcmp(k->group, "batch"))
		return status_bad_request("field label \"%s\" not supported for Job", field);
	if (!strcmp(k->kind, "ResourceSlice") && !strcmp(k->group, "resource.k8s.io"))
		return status_bad_request("field label not supported for %s/%s, Kind=%s: %s", k->group, k->version, k->kind, field);
	if (k->custom)
		return status_bad_request("field label not supported: %s", field);
	if (k->field_labels && k->field_labels[0])
		for (size_t i = 0; k->field_labels[i]; i++)
			if (strncmp(k->field_labels[i], "metadata.", 9) != 0)
				return status_bad_request("field label not supported: %s", field);
	return status_bad_request(
	    "\"%s\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\"", field);
}

static json_t *read_selectors(const struct query *q, struct list_plan *ret)
{
	const char *labels = query_get(q, "labelSelector"), *fields = query_get(q, "fieldSelector");
	struct err e = ERR_INIT;
	if (labels && *labels && selector_parse_labels(labels, &ret->labels, &e) < 0)
		return status_bad_request("%s", err_text(&e));
	if (fields && *fields && selector_parse_fields(fields, &ret->fields, &e) < 0)
		return status_bad_request("%s", err_text(&e));
	return NULL;
}

/* The fields that the kind has, as they are stored. */
static json_t *convert_fields(const struct query *q, const struct kind *k, struct list_plan *ret)
{
	struct err e = ERR_INIT;
	const char *key, *op;
	char *const *values;
	size_t at = 0;
	while (ret->fields && selector_next(ret->fields, &at, &key, &op, &values))
		if (!field_is_known(k, key))
			return unknown_field(k, key);
	if (!ret->fields)
		return NULL;
	AUTO_FREE char *stored = view_field_selector(k, query_get(q, "fieldSelector"));
	selector_free(TAKE(ret->fields));
	if (selector_parse_fields(stored, &ret->fields, &e) < 0)
		return status_bad_request("%s", err_text(&e));
	return NULL;
}

static void check_watch(const struct query *q, struct field_errors *errors)
{
	static const char *const supported[] = {"NotOlderThan", NULL};
	const char *match = query_get(q, "resourceVersionMatch");
	bool initial = query_get(q, "sendInitialEvents");
	if (initial && !str_eq(match, "NotOlderThan"))
		field_forbidden(errors, "resourceVersionMatch",
				"sendInitialEvents requires setting resourceVersionMatch to NotOlderThan");
	if (str_empty(match))
		return;
	if (!initial)
		field_forbidden(errors, "resourceVersionMatch",
				"resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided");
	if (strcmp(match, "NotOlderThan") != 0) {
		AUTO_JSON *value = json_string(match);
		field_not_supported(errors, "resourceVersionMatch", value, supported);
	}
	if (!str_empty(query_get(q, "continue")))
		field_forbidden(errors, "resourceVersionMatch", "resourceVersionMatch is forbidden when continue is provided");
}

static void check_list(const struct query *q, struct field_errors *errors)
{
	static const char *const supported[] = {"Exact", "NotOlderThan", "", NULL};
	const char *match = query_get(q, "resourceVersionMatch"), *rv = query_get(q, "resourceVersion");
	if (!str_empty(match) && str_empty(rv))
		field_forbidden(errors, "resourceVersionMatch",
				"resourceVersionMatch is forbidden unless resourceVersion is provided");
	if (!str_empty(match) && !str_empty(query_get(q, "continue")))
		field_forbidden(errors, "resourceVersionMatch", "resourceVersionMatch is forbidden when continue is provided");
	if (!str_empty(match) && !strv_has((char *const *)supported, match)) {
		AUTO_JSON *value = json_string(match);
		field_not_supported(errors, "resourceVersionMatch", value, supported);
	}
	if (str_eq(match, "Exact") && str_eq(rv, "0"))
		field_forbidden(errors, "resourceVersionMatch",
				"resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"");
	if (query_get(q, "sendInitialEvents"))
		field_forbidden(errors, "sendInitialEvents", "sendInitialEvents is forbidden for list");
}

static json_t *read_version(const struct query *q, bool watch, struct list_plan *ret)
{
	const char *rv = query_get(q, "resourceVersion"), *token = query_get(q, "continue"),
		   *match = query_get(q, "resourceVersionMatch");
	if (!str_empty(token) && !watch) {
		struct err e = ERR_INIT;
		if (continue_decode(token, &ret->rev, &ret->at_s, &ret->after, &e) < 0)
			return status_bad_request("invalid continue token: %s", err_text(&e));
		if (!str_empty(rv) && strcmp(rv, "0") != 0)
			return status_bad_request("specifying resource version is not allowed when using continue");
		ret->exact = ret->rev != 0;
		return NULL;
	}
	ret->rv_given = !str_empty(rv);
	if (!ret->rv_given)
		return NULL;
	if (!digits_only(rv)) {
		AUTO_FREE char *why = xasprintf(
		    "resourceVersion: Invalid value: \"%s\": strconv.ParseUint: parsing \"%s\": invalid syntax", rv, rv);
		return watch ? status_plain_500("%s", why) : status_bad_request("invalid resource version: %s", why);
	}
	ret->rev = strtoull(rv, NULL, 10);
	/* With a limit, a number without a match means exactly that state. */
	ret->exact = str_eq(match, "Exact") || (str_empty(match) && ret->limit && ret->rev);
	return NULL;
}

/* A watch from the beginning tells what exists, whether it asks for that or not. */
static bool tells_initial(const struct query *q)
{
	const char *rv = query_get(q, "resourceVersion");
	if (query_get(q, "sendInitialEvents"))
		return query_bool(q, "sendInitialEvents");
	return str_empty(rv) || strcmp(rv, "0") == 0;
}

/* What the reference answers from its cache, whatever its state, it answers in one piece; of events it has no cache. */
static bool ignores_limit(const struct query *q, const struct kind *k)
{
	return str_eq(query_get(q, "resourceVersion"), "0") && strcmp(k->kind, "Event") != 0;
}

static json_t *check_options(const struct query *q, bool watch)
{
	AUTO_FIELD_ERRORS errors = {0};
	if (watch)
		check_watch(q, &errors);
	else
		check_list(q, &errors);
	return errors.n ? status_invalid("meta.k8s.io", "ListOptions", "", &errors) : NULL;
}

json_t *list_plan_read(const struct query *q, const struct kind *k, bool watch, struct list_plan *ret)
{
	*ret = (struct list_plan){0};
	int64_t limit = 0, timeout = 0;
	json_t *status;
	if ((status = read_int(q, "timeoutSeconds", &timeout)) || (status = read_int(q, "limit", &limit)) ||
	    (status = read_selectors(q, ret)) || (status = check_options(q, watch)) || (status = convert_fields(q, k, ret)))
		return status;
	ret->limit = limit > 0 && !ignores_limit(q, k) ? (size_t)limit : 0;
	ret->timeout_s = timeout < 0 ? -1 : timeout < INT32_MAX ? (int)timeout : 0;
	ret->bookmarks = query_bool(q, "allowWatchBookmarks");
	ret->initial_events = watch && tells_initial(q);
	ret->no_initial = watch && query_get(q, "sendInitialEvents") && !ret->initial_events;
	return read_version(q, watch, ret);
}

void list_plan_done(struct list_plan *p)
{
	selector_free(p->labels);
	selector_free(p->fields);
	free(p->after);
	*p = (struct list_plan){0};
}
