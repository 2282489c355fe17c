/* Reviews: what may I, who am I (authorization.k8s.io, authentication.k8s.io). Purpose: kubectl auth can-i and whoami.
 * Happy path: the same authoriser that guards requests is asked. Fails with 400 for a body that asks nothing. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "cp/api/api_internal.h"

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
	bool allowed = api_may(&as, &a);
	json_object_set_new(review, "kind", json_string(kind));
	json_object_set_new(review, "apiVersion", json_string("authorization.k8s.io/v1"));
	json_object_at(review, "metadata");
	json_object_set_new(review, "status", json_pack("{s:b}", "allowed", allowed));
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

/* The verbs that the user has on each kind, asked one by one. */
void review_rules(struct req *q)
{
	static const char *const verbs[] = {"create", "delete", "deletecollection", "get",
					    "list",   "patch",  "update",           "watch"};
	json_t *rules = json_array();
	AUTO_JSON *review = NULL;
	json_t *status = read_review(q, &review);
	const char *ns = json_str_or(review, "spec.namespace", "");
	for (size_t i = 0; !status && i < q->api->n_resources; i++) {
		const struct kind *k = q->api->resources[i].kind;
		json_t *held = json_array();
		for (size_t v = 0; v < ARRAY_LEN(verbs); v++) {
			struct auth_attributes a = {verbs[v], k->group, k->plural, "", ns, "", NULL};
			if (api_may(q, &a))
				json_array_append_new(held, json_string(verbs[v]));
		}
		if (json_array_size(held))
			json_array_append_new(rules, json_pack("{s:O,s:[s],s:[s]}", "verbs", held, "apiGroups",
							       k->group, "resources", k->plural));
		json_decref(held);
	}
	if (status) {
		json_decref(rules);
		reply_status(q, status);
		return;
	}
	reply_json(q, 201,
		   json_pack("{s:s,s:s,s:{},s:{},s:{s:o,s:[],s:b}}", "kind", "SelfSubjectRulesReview", "apiVersion",
			     "authorization.k8s.io/v1", "metadata", "spec", "status", "resourceRules", rules,
			     "nonResourceRules", "incomplete", 1));
}
