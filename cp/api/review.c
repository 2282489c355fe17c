/* Reviews: who am I, what may I in all (authorization.k8s.io, authentication.k8s.io; single
 * questions: review_access.c). Purpose: kubectl auth can-i and whoami, and
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
#include "cp/api/review.h"

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
	managers_update_of(q, k, NULL, review);
	if (k->namespaced)
		json_set_str(review, "metadata.namespace", r->ns);
	*ret = TAKE(review);
	return NULL;
}

bool review_read(struct req *q, const struct kind **ret_kind, json_t **ret)
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

void review_reply(struct req *q, const struct kind *k, json_t *review)
{
	AUTO_BUF *json = encode_object(k, review);
	reply_buf(q, 201, json);
}

void review_user(const json_t *spec, const char *name_of, struct auth_user *ret)
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

/* --- rules -------------------------------------------------------------------------------------------------------------- */

static void add_rules(const json_t *from, json_t *resources, json_t *paths)
{
	json_t *rule;
	size_t i;
	json_array_foreach(from, i, rule) json_array_append(json_object_get(rule, "nonResourceURLs") ? paths : resources, rule);
}

/* What keeps the list from being whole; owned, "" when it is. */
static char *rules_error(bool node, char *const *missing)
{
	static const char node_text[] = "node authorizer does not support user rule resolution";
	AUTO_FREE char *roles = rbac_missing_text(missing, false);
	if (!node || !missing)
		return xstrdup(node ? node_text : roles);
	bool many = *roles == '[';
	return xasprintf("[%s, %s%s", node_text, roles + many, many ? "" : "]");
}

/* What the user may do in a namespace: all rules of the roles that are bound to her. */
void review_rules(struct req *q)
{
	AUTO_JSON *review = NULL;
	const struct kind *k = NULL;
	if (!review_read(q, &k, &review))
		return;
	const char *ns = json_str_or(review, "spec.namespace", "");
	if (!*ns) {
		reply_status(q, status_bad_request("no namespace on request"));
		return;
	}
	AUTO_STRV char **missing = NULL;
	AUTO_JSON *rules = rbac_rules_of(rbac_source_rbac(q->api->rbac), &q->user, ns, &missing);
	json_t *resources = json_array(), *paths = json_array();
	bool node = auth_node_name(&q->user);
	add_rules(rules, resources, paths);
	json_t *answer = json_pack("{s:s,s:s,s:{},s:{},s:{s:o,s:o,s:b}}", "kind", "SelfSubjectRulesReview", "apiVersion",
				   "authorization.k8s.io/v1", "metadata", "spec", "status", "resourceRules", resources,
				   "nonResourceRules", paths, "incomplete", node);
	AUTO_FREE char *error = rules_error(node, missing);
	if (*error)
		json_set_str(answer, "status.evaluationError", error);
	reply_json(q, 201, answer);
}

/* --- identity ----------------------------------------------------------------------------------------------------------- */

void review_self(struct req *q)
{
	AUTO_JSON *review = NULL;
	const struct kind *k = NULL;
	char now[RFC3339_MAX];
	if (!review_read(q, &k, &review))
		return;
	json_set_str(review, "metadata.creationTimestamp", rfc3339(clock_wall_ms(), now));
	json_object_set_new(review, "status", json_pack("{s:o}", "userInfo", auth_user_json(&q->user)));
	review_reply(q, k, review);
}

void review_token(struct req *q)
{
	AUTO_JSON *review = NULL, *audiences = NULL;
	const struct kind *k = NULL;
	struct auth_user who = {0};
	struct err e = ERR_INIT;
	if (!review_read(q, &k, &review))
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
	review_reply(q, k, review);
	auth_user_done(&who);
}
