/* Reviews: what may I, who am I (authorization.k8s.io, authentication.k8s.io). Purpose: kubectl auth can-i and whoami.
 * Happy path: the same authoriser that guards requests is asked. Fails with 400 for a body that asks nothing. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "cp/api/api_internal.h"
#include "cp/api/rbac_source.h"

static json_t *read_review(struct req *q, json_t **ret)
{
	enum body_type type = negotiate_body(q->content_type);
	if (type != BODY_JSON && type != BODY_YAML && type != BODY_PROTOBUF)
		return status_unsupported_body();
	json_t *status = body_parse(q, type, ret);
	if (!status && !json_is_object(*ret))
		status = status_bad_request("the body must be a review");
	if (!status && q->local) {
		json_t *copy = json_deep_copy(*ret);
		json_decref(*ret);
		*ret = copy;
	}
	return status;
}

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

static void answer(struct req *q, json_t *review, const char *kind, const struct auth_user *who)
{
	struct auth_attributes a;
	struct req as = *q;
	as.user = *who;
	read_attributes(json_object_get(review, "spec"), &a);
	AUTO_STR reason = STR_INIT;
	bool allowed = api_may_because(&as, &a, &reason);
	json_object_set_new(review, "kind", json_string(kind));
	json_object_set_new(review, "apiVersion", json_string("authorization.k8s.io/v1"));
	json_object_at(review, "metadata");
	json_object_set_new(review, "status", json_pack("{s:b}", "allowed", allowed));
	if (reason.len)
		json_set_str(review, "status.reason", str_text(&reason));
	reply_json(q, 201, json_incref(review));
}

static json_t *check_spec(const json_t *spec)
{
	bool resource = json_object_get(spec, "resourceAttributes"),
	     plain = json_object_get(spec, "nonResourceAttributes");
	if (resource == plain)
		return status_bad_request(
		    "exactly one of nonResourceAttributes or resourceAttributes must be specified");
	return NULL;
}

void review_access_self(struct req *q)
{
	AUTO_JSON *review = NULL;
	json_t *status = read_review(q, &review);
	if (!status)
		status = check_spec(json_object_get(review, "spec"));
	if (status)
		reply_status(q, status);
	else
		answer(q, review, "SelfSubjectAccessReview", &q->user);
}

void review_access(struct req *q)
{
	AUTO_JSON *review = NULL;
	AUTO_STRV char **groups = NULL;
	struct auth_user who = {0};
	json_t *status = read_review(q, &review), *g;
	size_t i;
	if (!status)
		status = check_spec(json_object_get(review, "spec"));
	if (status) {
		reply_status(q, status);
		return;
	}
	json_array_foreach(json_at(review, "spec.groups"), i, g) if (json_is_string(g))
	    strv_add(&groups, json_string_value(g));
	auth_user_set(&who, json_str_or(review, "spec.user", ""), groups);
	answer(q, review, *q->route.ns ? "LocalSubjectAccessReview" : "SubjectAccessReview", &who);
	auth_user_done(&who);
}

void review_self(struct req *q)
{
	json_t *groups = json_array();
	for (size_t i = 0; q->user.groups && q->user.groups[i]; i++)
		json_array_append_new(groups, json_string(q->user.groups[i]));
	reply_json(q, 201,
		   json_pack("{s:s,s:s,s:{},s:{s:{s:s,s:o}}}", "kind", "SelfSubjectReview", "apiVersion",
			     "authentication.k8s.io/v1", "metadata", "status", "userInfo", "username", q->user.name,
			     "groups", groups));
}

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
	json_t *status = read_review(q, &review);
	const char *ns = json_str_or(review, "spec.namespace", "");
	if (!status && !*ns)
		status = status_bad_request("no namespace on request");
	if (status) {
		reply_status(q, status);
		return;
	}
	AUTO_JSON *rules = rbac_rules_of(rbac_source_rbac(q->api->rbac), &q->user, ns);
	json_t *resources = json_array(), *paths = json_array();
	add_rules(rules, resources, paths);
	reply_json(q, 201,
		   json_pack("{s:s,s:s,s:{},s:{},s:{s:o,s:o,s:b}}", "kind", "SelfSubjectRulesReview", "apiVersion",
			     "authorization.k8s.io/v1", "metadata", "spec", "status", "resourceRules", resources,
			     "nonResourceRules", paths, "incomplete", 0));
}
