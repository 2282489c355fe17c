/* Reviews: what may I, who am I (authorization.k8s.io, authentication.k8s.io). Purpose: kubectl auth can-i and whoami, and
 * servers that ask this one about their own users. Happy path: the same authoriser and authenticator that guard requests
 * are asked. Fails with 400 for a body that asks nothing, 422 for a spec that contradicts itself. Nothing is stored. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "cp/api/api_internal.h"
#include "cp/api/encode.h"
#include "cp/api/managers.h"
#include "cp/api/rbac_source.h"

static json_t *parse_review(struct req *q, const struct kind *k, json_t **ret)
{
	const struct route *r = &q->route;
	AUTO_JSON *review = NULL;
	json_t *status = options_check(q, "CreateOptions");
	if (!status)
		status = body_object(q, k, &review);
	const char *ns = json_str_or(review, "metadata.namespace", "");
	if (!status && *ns && strcmp(ns, r->ns))
		status = status_bad_request("the namespace of the provided object does not match the namespace sent on the request");
	if (status)
		return status;
	schema_default(k, review);
	managers_of_review(q, k, review);
	if (k->namespaced)
		json_set_str(review, "metadata.namespace", r->ns);
	*ret = TAKE(review);
	return NULL;
}

/* The review of the path's kind, its managers set; false when it has been answered with what is wrong. */
static bool read_review(struct req *q, const struct kind **ret_kind, json_t **ret)
{
	const struct kind *k = schema_find(q->api->schema, q->route.group, q->route.version, q->route.resource);
	json_t *status = k ? parse_review(q, k, ret) : status_unknown_resource();
	if (k && !status) {
		*ret_kind = k;
		return true;
	}
	reply_status(q, status);
	return false;
}

static void reply_review(struct req *q, const struct kind *k, json_t *review)
{
	AUTO_BUF *json = encode_object(k, review);
	reply_buf(q, 201, json);
}

/* --- access ------------------------------------------------------------------------------------------------------------- */

static void read_attributes(const json_t *spec, struct auth_attributes *ret)
{
	const json_t *plain = json_object_get(spec, "nonResourceAttributes"),
		     *a = json_object_get(spec, "resourceAttributes");
	*ret = (struct auth_attributes){
	    .verb = json_str_or(plain ? plain : a, "verb", ""),
	    .group = json_str_or(a, "group", ""),
	    .resource = json_str_or(a, "resource", ""),
	    .subresource = json_str_or(a, "subresource", ""),
	    .ns = json_str_or(a, "namespace", ""),
	    .name = json_str_or(a, "name", ""),
	    .path = plain ? json_str_or(plain, "path", "") : NULL,
	};
}

/* The field selector that attributes name, as a request would have it; the operators In and NotIn of one value only, the
 * others do not narrow what is asked for. Owned, NULL: none. */
static char *fields_text(const json_t *spec)
{
	const json_t *selector = json_at(spec, "resourceAttributes.fieldSelector");
	struct str out = STR_INIT;
	json_t *v;
	size_t i;
	if (*json_str_or(selector, "rawSelector", ""))
		return xstrdup(json_str_at(selector, "rawSelector"));
	json_array_foreach(json_object_get(selector, "requirements"), i, v)
	{
		const json_t *values = json_object_get(v, "values");
		const char *op = json_str_or(v, "operator", ""), *value = json_string_value(json_array_get(values, 0));
		if (json_array_size(values) == 1 && value && (!strcmp(op, "In") || !strcmp(op, "NotIn")))
			str_addf(&out, "%s%s%s%s", out.len ? "," : "", json_str_or(v, "key", ""), strcmp(op, "In") ? "!=" : "=", value);
	}
	return out.len ? str_take(&out) : NULL;
}

static void check_selector(const json_t *attributes, const char *member, struct field_errors *errors)
{
	const json_t *selector = json_object_get(attributes, member);
	AUTO_FREE char *path = xasprintf("spec.resourceAttributes.%s", member);
	bool raw = *json_str_or(selector, "rawSelector", ""), list = json_array_size(json_object_get(selector, "requirements"));
	if (!selector)
		return;
	if (raw && list) {
		AUTO_FREE char *at = xasprintf("%s.rawSelector", path);
		field_invalid(errors, at, json_object_get(selector, "rawSelector"), "may not specified at the same time as requirements");
	} else if (!raw && !list) {
		AUTO_FREE char *at = xasprintf("%s.requirements", path);
		AUTO_FREE char *why = xasprintf("when %s is specified, requirements or rawSelector is required", path);
		field_required(errors, at, why);
	}
}

static void check_spec(const json_t *spec, bool self, struct field_errors *errors)
{
	const json_t *a = json_object_get(spec, "resourceAttributes"), *plain = json_object_get(spec, "nonResourceAttributes");
	if (a && plain) {
		AUTO_JSON *shown = json_pack("{s:s, s:s}", "Path", json_str_or(plain, "path", ""), "Verb", json_str_or(plain, "verb", ""));
		field_invalid(errors, "spec.nonResourceAttributes", shown, "cannot be specified in combination with resourceAttributes");
	}
	if (!a && !plain)
		field_invalid(errors, "spec.resourceAttributes", json_null(),
			      "exactly one of nonResourceAttributes or resourceAttributes must be specified");
	if (!self && !*json_str_or(spec, "user", "") && !json_array_size(json_object_get(spec, "groups"))) {
		AUTO_JSON *empty = json_string("");
		field_invalid(errors, "spec.user", empty, "at least one of user or group must be specified");
	}
	check_selector(a, "fieldSelector", errors);
	check_selector(a, "labelSelector", errors);
}

static void check_metadata(const json_t *review, bool local, struct field_errors *errors)
{
	AUTO_JSON *meta = json_copy(json_object_get(review, "metadata"));
	json_object_del(meta, "managedFields");
	if (local)
		json_object_del(meta, "namespace");
	if (json_object_size(meta))
		field_invalid(errors, "metadata", json_object_get(review, "metadata"), "%s",
			      local ? "must be empty except for namespace" : "must be empty");
}

static void check_local(const json_t *review, struct field_errors *errors)
{
	const json_t *a = json_at(review, "spec.resourceAttributes"), *plain = json_at(review, "spec.nonResourceAttributes");
	const char *ns = json_str_or(a, "namespace", "");
	if (a && strcmp(ns, json_str_or(review, "metadata.namespace", ""))) {
		AUTO_JSON *shown = json_string(ns);
		field_invalid(errors, "spec.resourceAttributes.namespace", shown, "must match metadata.namespace");
	}
	if (plain) {
		AUTO_JSON *shown = json_pack("{s:s, s:s}", "Path", json_str_or(plain, "path", ""), "Verb", json_str_or(plain, "verb", ""));
		field_invalid(errors, "spec.nonResourceAttributes", shown, "disallowed on this kind of request");
	}
}

static json_t *check_access(const struct kind *k, const json_t *review, bool self)
{
	AUTO_FIELD_ERRORS errors = {0};
	check_spec(json_object_get(review, "spec"), self, &errors);
	check_metadata(review, k->namespaced, &errors);
	if (k->namespaced)
		check_local(review, &errors);
	return errors.n ? status_invalid(k->group, "", "", &errors) : NULL;
}

/* The user that a spec names (the member name_of), exactly: nothing is added. */
static void read_user(const json_t *spec, const char *name_of, struct auth_user *ret)
{
	json_t *g, *list, *v;
	size_t i;
	const char *key;
	ret->name = xstrdup(json_str_or(spec, name_of, ""));
	ret->uid = xstrdup(json_str_or(spec, "uid", ""));
	json_array_foreach(json_object_get(spec, "groups"), i, g) if (json_is_string(g)) strv_add(&ret->groups, json_string_value(g));
	json_object_foreach(json_object_get(spec, "extra"), key, list)
	    json_array_foreach(list, i, v) if (json_is_string(v)) auth_user_add_extra(ret, key, json_string_value(v));
}

static void answer_access(struct req *q, const struct kind *k, json_t *review, const struct auth_user *who)
{
	struct auth_attributes a;
	AUTO_STR reason = STR_INIT;
	AUTO_FREE char *fields = fields_text(json_object_get(review, "spec"));
	read_attributes(json_object_get(review, "spec"), &a);
	a.fields = fields;
	bool allowed = api_user_may(q->api, who, &a, &reason);
	json_object_set_new(review, "status", json_pack("{s:b}", "allowed", allowed));
	if (reason.len)
		json_set_str(review, "status.reason", str_text(&reason));
	reply_review(q, k, review);
}

void review_access_self(struct req *q)
{
	AUTO_JSON *review = NULL;
	const struct kind *k = NULL;
	if (!read_review(q, &k, &review))
		return;
	json_t *status = check_access(k, review, true);
	if (status)
		reply_status(q, status);
	else
		answer_access(q, k, review, &q->user);
}

void review_access(struct req *q)
{
	AUTO_JSON *review = NULL;
	const struct kind *k = NULL;
	struct auth_user who = {0};
	if (!read_review(q, &k, &review))
		return;
	json_t *status = check_access(k, review, false);
	if (status) {
		reply_status(q, status);
		return;
	}
	read_user(json_object_get(review, "spec"), "user", &who);
	answer_access(q, k, review, &who);
	auth_user_done(&who);
}

bool api_subject_may(struct api *a, const json_t *subject, const char *verb, const char *group, const char *resource,
		     const char *subresource)
{
	struct auth_user who = {0};
	read_user(subject, "username", &who);
	bool may = api_user_may(a, &who,
				&(struct auth_attributes){.verb = verb, .group = group, .resource = resource, .subresource = subresource,
							  .ns = "", .name = ""},
				NULL);
	auth_user_done(&who);
	return may;
}

/* --- rules -------------------------------------------------------------------------------------------------------------- */

static void add_rules(const json_t *from, json_t *resources, json_t *paths)
{
	json_t *rule;
	size_t i;
	json_array_foreach(from, i, rule) json_array_append(json_object_get(rule, "nonResourceURLs") ? paths : resources, rule);
}

/* What the user may do in a namespace: all rules of the roles that are bound to her. */
void review_rules(struct req *q)
{
	AUTO_JSON *review = NULL;
	const struct kind *k = NULL;
	if (!read_review(q, &k, &review))
		return;
	const char *ns = json_str_or(review, "spec.namespace", "");
	if (!*ns) {
		reply_status(q, status_bad_request("no namespace on request"));
		return;
	}
	AUTO_JSON *rules = rbac_rules_of(rbac_source_rbac(q->api->rbac), &q->user, ns);
	json_t *resources = json_array(), *paths = json_array();
	bool node = auth_node_name(&q->user);
	add_rules(rules, resources, paths);
	json_t *answer = json_pack("{s:s,s:s,s:{},s:{},s:{s:o,s:o,s:b}}", "kind", "SelfSubjectRulesReview", "apiVersion",
				   "authorization.k8s.io/v1", "metadata", "spec", "status", "resourceRules", resources,
				   "nonResourceRules", paths, "incomplete", node);
	if (node)
		json_set_str(answer, "status.evaluationError", "node authorizer does not support user rule resolution");
	reply_json(q, 201, answer);
}

/* --- identity ----------------------------------------------------------------------------------------------------------- */

void review_self(struct req *q)
{
	AUTO_JSON *review = NULL;
	const struct kind *k = NULL;
	char now[RFC3339_MAX];
	if (!read_review(q, &k, &review))
		return;
	json_set_str(review, "metadata.creationTimestamp", rfc3339(clock_wall_ms(), now));
	json_object_set_new(review, "status", json_pack("{s:o}", "userInfo", auth_user_json(&q->user)));
	reply_review(q, k, review);
}

void review_token(struct req *q)
{
	AUTO_JSON *review = NULL, *audiences = NULL;
	const struct kind *k = NULL;
	struct auth_user who = {0};
	struct err e = ERR_INIT;
	if (!read_review(q, &k, &review))
		return;
	const char *token = json_str_or(review, "spec.token", "");
	if (!*token) {
		reply_status(q, status_bad_request("token is required for TokenReview in authentication"));
		return;
	}
	json_t *answer;
	if (authn_token(q->api->authn, token, json_at(review, "spec.audiences"), &who, &audiences, &e) < 0)
		answer = json_pack("{s:{}, s:s}", "user", "error", err_text(&e));
	else
		answer = json_pack("{s:b, s:o, s:O}", "authenticated", 1, "user", auth_user_json(&who), "audiences", audiences);
	json_object_set_new(review, "status", answer);
	reply_review(q, k, review);
	auth_user_done(&who);
}
