/* Reviews. Purpose: the language of webhooks. Happy path: the request tells who does what to which object; the response
 * repeats its uid and allows it, maybe with a patch. A response that does not follow the rules is an error in words. */
#include "cp/admission/hook_review.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "cp/admission/hook_match.h"

const char *hook_review_version(const json_t *hook)
{
	static const char *const known[] = { "v1", "v1beta1" };
	size_t i;
	json_t *v;
	json_array_foreach(json_object_get(hook, "admissionReviewVersions"), i, v)
	{
		for (size_t k = 0; k < ARRAY_LEN(known); k++)
			if (str_eq(json_string_value(v), known[k]))
				return known[k];
	}
	return NULL;
}

/* The kind that a body has: its own for subresources that have one. */
static json_t *kind_of(const struct kind *k, const json_t *object, const json_t *old)
{
	const json_t *body = object ? object : old;
	const char *av = json_str_at(body, "apiVersion"), *kind = json_str_at(body, "kind");
	const char *slash = av ? strchr(av, '/') : NULL;
	if (!av || !kind)
		return json_pack("{s:s,s:s,s:s}", "group", k->group, "version", k->version, "kind", k->kind);
	AUTO_FREE char *group = slash ? xstrndup(av, (size_t)(slash - av)) : xstrdup("");
	return json_pack("{s:s,s:s,s:s}", "group", group, "version", slash ? slash + 1 : av, "kind", kind);
}

static json_t *options_of(const struct admit *a)
{
	static const struct {
		enum admit_op op;
		const char *kind;
	} kinds[] = { { ADMIT_CREATE, "CreateOptions" }, { ADMIT_UPDATE, "UpdateOptions" }, { ADMIT_DELETE, "DeleteOptions" } };
	if (a->options)
		return json_incref((json_t *)a->options);
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (kinds[i].op != a->op)
			continue;
		json_t *o = json_pack("{s:s,s:s}", "kind", kinds[i].kind, "apiVersion", "meta.k8s.io/v1");
		if (a->dry_run)
			json_object_set_new(o, "dryRun", json_pack("[s]", "All"));
		return o;
	}
	return json_null();
}

static void set_text(json_t *o, const char *key, const char *text)
{
	if (!str_empty(text))
		json_object_set_new(o, key, json_string(text));
}

static json_t *or_null(const json_t *v)
{
	return v ? json_incref((json_t *)v) : json_null();
}

static json_t *resource_of(const struct kind *k)
{
	return json_pack("{s:s,s:s,s:s}", "group", k->group, "version", k->version, "resource", k->plural);
}

json_t *hook_review_request(const struct admit *a, const struct hook_form *form, const char *version, const char *uid)
{
	AUTO_FREE char *av = xasprintf("admission.k8s.io/%s", version);
	json_t *kind = kind_of(form->kind, form->object, form->old);
	json_t *r = json_pack("{s:s,s:o,s:o}", "uid", uid, "kind", kind, "resource", resource_of(form->kind));
	set_text(r, "subResource", a->subresource);
	json_object_set_new(r, "requestKind", kind_of(a->kind, a->object, a->old));
	json_object_set_new(r, "requestResource", resource_of(a->kind));
	set_text(r, "requestSubResource", a->subresource);
	set_text(r, "name", !str_empty(a->name) ? a->name : json_str_at(a->object, "metadata.name"));
	set_text(r, "namespace", admit_is_kind(a, "", "Namespace") ? a->name : a->ns);
	set_text(r, "operation", hook_op_word(a->op));
	json_object_set_new(r, "userInfo", a->user ? auth_user_json(a->user) : json_object());
	json_object_set_new(r, "object", or_null(form->object));
	json_object_set_new(r, "oldObject", or_null(a->op == ADMIT_CONNECT ? NULL : form->old));
	json_object_set_new(r, "dryRun", json_boolean(a->dry_run));
	json_object_set_new(r, "options", options_of(a));
	return json_pack("{s:s,s:s,s:o}", "kind", "AdmissionReview", "apiVersion", av, "request", r);
}

void hook_answer_done(struct hook_answer *r)
{
	json_decref(r->patch);
	json_decref(r->status);
	json_decref(r->warnings);
	json_decref(r->annotations);
	*r = (struct hook_answer){ 0 };
}

static int read_patch(const json_t *response, const char *version, struct hook_answer *ret, struct err *e)
{
	const char *patch = json_str_or(response, "patch", ""), *type = json_str_or(response, "patchType", "");
	AUTO_STR text = STR_INIT;
	bool v1 = strcmp(version, "v1") == 0;
	if (!*patch && !*type)
		return 0;
	if (!*patch && v1)
		return err_set(e, -EPROTO, "webhook returned response.patchType but not response.patch");
	if (!*type && v1)
		return err_set(e, -EPROTO, "webhook returned response.patch but not response.patchType");
	if (*type && strcmp(type, "JSONPatch") != 0)
		return err_set(e, -EPROTO, "webhook returned invalid response.patchType of \"%s\"", type);
	if (base64_decode(&text, patch, strlen(patch)) < 0)
		return err_set(e, -EPROTO, "illegal base64 data in response.patch");
	if (json_parse(str_text(&text), text.len, &ret->patch, e) < 0 || !json_is_array(ret->patch))
		return err_set(e, -EPROTO, "response.patch is not a JSON patch");
	return 0;
}

static json_t *copied(const json_t *from, const char *key)
{
	return json_clone(json_object_get(from, key));
}

int hook_review_response(const char *body, size_t len, const char *version, const char *uid, struct hook_answer *ret,
			 struct err *e)
{
	AUTO_JSON *review = NULL;
	AUTO(hook_answer_done) struct hook_answer r = { 0 };
	AUTO_FREE char *av = xasprintf("admission.k8s.io/%s", version);
	if (json_parse(body, len, &review, e) < 0 || !json_is_object(review))
		return err_set(e, -EPROTO, "the response is not an AdmissionReview");
	const json_t *response = json_object_get(review, "response");
	const char *given = json_str_or(response, "uid", "");
	bool v1 = strcmp(version, "v1") == 0;
	if (v1 && (!str_eq(json_str_at(review, "apiVersion"), av) || !str_eq(json_str_at(review, "kind"), "AdmissionReview")))
		return err_set(e, -EPROTO, "expected webhook response of %s, Kind=AdmissionReview, got %s, Kind=%s", av,
			       json_str_or(review, "apiVersion", ""), json_str_or(review, "kind", ""));
	if (!json_is_object(response))
		return err_set(e, -EPROTO, "webhook response was absent");
	if (v1 && strcmp(given, uid) != 0)
		return err_set(e, -EPROTO, "expected response.uid=\"%s\", got \"%s\"", uid, given);
	r.allowed = json_bool_at(response, "allowed", false);
	int status = read_patch(response, version, &r, e);
	if (status < 0)
		return status;
	r.status = copied(response, "status");
	r.warnings = copied(response, "warnings");
	r.annotations = copied(response, "auditAnnotations");
	*ret = r;
	r = (struct hook_answer){ 0 };
	return 0;
}

json_t *hook_review_denial(const char *webhook, const struct hook_answer *r)
{
	json_t *s = json_is_object(r->status) ? json_clone(r->status) : json_object();
	const char *message = json_str_or(s, "message", ""), *reason = json_str_or(s, "reason", "");
	AUTO_FREE char *text = *message ? xasprintf("admission webhook \"%s\" denied the request: %s", webhook, message)
			       : *reason ? xasprintf("admission webhook \"%s\" denied the request: %s", webhook, reason)
					 : xasprintf("admission webhook \"%s\" denied the request without explanation", webhook);
	json_object_set_new(s, "kind", json_string("Status"));
	json_object_set_new(s, "apiVersion", json_string("v1"));
	if (!json_is_object(json_object_get(s, "metadata")))
		json_object_set_new(s, "metadata", json_object());
	json_object_set_new(s, "status", json_string("Failure"));
	json_object_set_new(s, "message", json_string(text));
	if (json_int_at(s, "code", 0) < 400)
		json_object_set_new(s, "code", json_integer(400));
	return s;
}
