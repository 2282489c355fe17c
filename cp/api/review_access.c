/* Reviews of access: may somebody do something (authorization.k8s.io). Purpose: kubectl auth can-i, and servers that ask
 * about their own users. Happy path: the same authoriser that guards requests is asked. Fails with 400 for a body that asks
 * nothing, 422 for a spec that contradicts itself; parts of selectors that cannot be used are told. Nothing is stored. */
#include <string.h>

#include "api/selector.h"
#include "base/json.h"
#include "base/mem.h"
#include "cp/api/review.h"
#include "cp/kinds/kind_ops.h"

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

/* What a selector of the attributes says that can be used, as a request would have it. */
struct asked {
	struct str text; /* fields only */
	size_t used, ignored;
};

/* Operators that are not known, and those on fields that do not narrow what is asked for, are ignored. */
static void add_requirement(struct asked *a, const json_t *requirement, bool fields)
{
	const json_t *values = json_object_get(requirement, "values");
	const char *op = json_str_or(requirement, "operator", ""), *value = json_string_value(json_array_get(values, 0));
	bool in = !strcmp(op, "In"), set = in || !strcmp(op, "NotIn"), exists = !strcmp(op, "Exists") || !strcmp(op, "DoesNotExist");
	bool used = fields ? set && value && json_array_size(values) == 1 : set || exists;
	a->used += used;
	a->ignored += !used;
	if (used && fields)
		str_addf(&a->text, "%s%s%s%s", a->text.len ? "," : "", json_str_or(requirement, "key", ""), in ? "=" : "!=", value);
}

static void read_selector(const json_t *selector, bool fields, struct asked *ret)
{
	const char *raw = json_str_or(selector, "rawSelector", "");
	AUTO_SELECTOR *parsed = NULL;
	json_t *v;
	size_t i;
	if (*raw && (fields ? selector_parse_fields(raw, &parsed, NULL) : selector_parse_labels(raw, &parsed, NULL)) < 0)
		ret->ignored++;
	else if (*raw && fields)
		str_add(&ret->text, raw);
	json_array_foreach(json_object_get(selector, "requirements"), i, v) add_requirement(ret, v, fields);
}

static void add_parse_error(struct str *out, const char *member, const struct asked *a)
{
	if (a->ignored)
		str_addf(out, "%sspec.resourceAttributes.%s %s due to parse error", out->len ? "; " : "", member,
			 a->used ? "partially ignored" : "ignored");
}

static void check_field_requirement(const json_t *x, const char *path, struct field_errors *errors)
{
	const char *op = json_str_or(x, "operator", "");
	size_t n = json_array_size(json_object_get(x, "values"));
	AUTO_FREE char *key = xasprintf("%s.key", path), *values = xasprintf("%s.values", path);
	if (!*json_str_or(x, "key", ""))
		field_required(errors, key, "must be specified");
	if (!n && (!strcmp(op, "In") || !strcmp(op, "NotIn")))
		field_required(errors, values, "must be specified when `operator` is 'In' or 'NotIn'");
	if (n && (!strcmp(op, "Exists") || !strcmp(op, "DoesNotExist")))
		field_forbidden(errors, values, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
}

static void check_selector(const json_t *attributes, const char *member, struct field_errors *errors)
{
	const json_t *selector = json_object_get(attributes, member), *list = json_object_get(selector, "requirements");
	AUTO_FREE char *path = xasprintf("spec.resourceAttributes.%s", member);
	bool raw = *json_str_or(selector, "rawSelector", "");
	json_t *v;
	size_t i;
	if (!selector)
		return;
	if (raw && json_array_size(list)) {
		AUTO_FREE char *at = xasprintf("%s.rawSelector", path);
		field_invalid(errors, at, json_object_get(selector, "rawSelector"), "may not specified at the same time as requirements");
	} else if (!raw && !json_array_size(list)) {
		AUTO_FREE char *at = xasprintf("%s.requirements", path);
		AUTO_FREE char *why = xasprintf("when %s is specified, requirements or rawSelector is required", path);
		field_required(errors, at, why);
	}
	json_array_foreach(list, i, v)
	{
		AUTO_FREE char *at = xasprintf("%s.requirements[%zu]", path, i);
		if (strcmp(member, "fieldSelector"))
			label_requirement_validate(v, at, true, errors);
		else
			check_field_requirement(v, at, errors);
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

static void answer_access(struct req *q, const struct kind *k, json_t *review, const struct auth_user *who)
{
	const json_t *spec = json_object_get(review, "spec");
	struct auth_attributes a;
	struct asked fields = {.text = STR_INIT}, labels = {.text = STR_INIT};
	AUTO_STR reason = STR_INIT, error = STR_INIT;
	read_attributes(spec, &a);
	read_selector(json_at(spec, "resourceAttributes.fieldSelector"), true, &fields);
	read_selector(json_at(spec, "resourceAttributes.labelSelector"), false, &labels);
	a.fields = fields.text.len ? str_text(&fields.text) : NULL;
	bool allowed = api_user_may(q->api, who, &a, &reason);
	json_object_set_new(review, "status", json_pack("{s:b}", "allowed", allowed));
	if (reason.len)
		json_set_str(review, "status.reason", str_text(&reason));
	add_parse_error(&error, "fieldSelector", &fields);
	add_parse_error(&error, "labelSelector", &labels);
	if (error.len)
		json_set_str(review, "status.evaluationError", str_text(&error));
	str_done(&fields.text);
	review_reply(q, k, review);
}

void review_access_self(struct req *q)
{
	AUTO_JSON *review = NULL;
	const struct kind *k = NULL;
	if (!review_read(q, &k, &review))
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
	if (!review_read(q, &k, &review))
		return;
	json_t *status = check_access(k, review, false);
	if (status) {
		reply_status(q, status);
		return;
	}
	review_user(json_object_get(review, "spec"), "user", &who);
	answer_access(q, k, review, &who);
	auth_user_done(&who);
}

bool api_subject_may(struct api *a, const json_t *subject, const char *verb, const char *group, const char *resource,
		     const char *subresource)
{
	struct auth_user who = {0};
	review_user(subject, "username", &who);
	bool may = api_user_may(a, &who,
				&(struct auth_attributes){.verb = verb, .group = group, .resource = resource, .subresource = subresource,
							  .ns = "", .name = ""},
				NULL);
	auth_user_done(&who);
	return may;
}
