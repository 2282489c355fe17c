/* The controllers of certificate signing requests: approving, signing, cleaning. Their plans are in csr_plan.c; here the
 * authoriser is asked and the authority's key is used. A signer without key or certificate signs nothing. */
#include <errno.h>
#include <string.h>

#include "api/pki_request.h"
#include "base/json.h"
#include "base/log.h"
#include "cp/controllers/controllers.h"
#include "cp/controllers/csr_plan.h"
#include "cp/controllers/object.h"
#include "cp/controllers/table.h"

#define GROUP "certificates.k8s.io"
#define PLURAL "certificatesigningrequests"

static json_t *request_of(struct sync *s)
{
	struct cobj *o = bucket_get(api_bucket(s->api, GROUP, PLURAL), "", s->name);
	return o && !o->deleting ? runner_parse(s->runner, o) : NULL;
}

static void map_request(struct runner *r, const struct cache_event *ev)
{
	if (ev->type != CACHE_DELETED)
		runner_add(r, "", ev->obj->name);
}

/* --- approving ---------------------------------------------------------------------------------------------------------- */

static void add_texts(json_t *to, const json_t *list, const char *member)
{
	json_t *v;
	size_t i;
	json_array_foreach(list, i, v) {
		json_t *text = member ? json_object_get(v, member) : v;
		if (json_is_string(text))
			json_array_append(to, text);
	}
}

struct taken {
	struct runner *runner;
	const char *node;
	json_t *texts;
};

static void take_node(void *arg, struct cobj *o)
{
	struct taken *t = arg;
	if (strcmp(o->name, t->node) == 0)
		return;
	AUTO_JSON *node = runner_parse(t->runner, o);
	add_texts(t->texts, json_at(node, "status.addresses"), "address");
}

/* The addresses of other nodes and of the API server. Owned. */
static json_t *taken_addresses(struct sync *s, const json_t *csr)
{
	const char *user = json_str_or(csr, "spec.username", "");
	struct taken t = { s->runner, str_has_prefix(user, "system:node:") ? user + 12 : "", json_array() };
	AUTO_JSON *service = runner_parse(s->runner, bucket_get(api_bucket(s->api, "", "services"), "default", "kubernetes"));
	AUTO_JSON *slice = runner_parse(s->runner,
					bucket_get(api_bucket(s->api, "discovery.k8s.io", "endpointslices"), "default", "kubernetes"));
	json_t *endpoint;
	size_t i;
	runner_each(api_bucket(s->api, "", "nodes"), NULL, take_node, &t);
	add_texts(t.texts, json_at(service, "spec.clusterIPs"), NULL);
	json_array_foreach(json_object_get(slice, "endpoints"), i, endpoint)
		add_texts(t.texts, json_object_get(endpoint, "addresses"), NULL);
	return t.texts;
}

static bool is_foreign(struct sync *s, const json_t *csr, const struct csr_approval *a)
{
	AUTO_STR why = STR_INIT;
	if (strcmp(a->subresource, "selfnodeserver") != 0)
		return false;
	AUTO_JSON *taken = taken_addresses(s, csr);
	if (!csr_serving_is_foreign(csr, taken, &why))
		return false;
	log_warn("serving certificate waits for somebody's approval request=%s reason=\"%s\"", s->name, str_text(&why));
	return true;
}

static void sync_approval(struct sync *s)
{
	AUTO_JSON *csr = request_of(s);
	struct csr_approval fits[4] = { 0 };
	if (!csr)
		return;
	csr_approvals(csr, fits);
	for (const struct csr_approval *a = fits; a->subresource; a++)
		if (api_subject_may(s->api, json_object_get(csr, "spec"), "create", GROUP, PLURAL, a->subresource) &&
		    !is_foreign(s, csr, a)) {
			csr_approve_plan(csr, a, s->now_ms, s->plan);
			return;
		}
	if (fits[0].subresource)
		log_info("request is not approved by itself: its requester may not create " PLURAL "/%s request=%s", fits[0].subresource,
			 s->name);
}

const struct controller csr_approving_controller = {
	.name = "certificatesigningrequest-approving-controller",
	.component = "certificatesigningrequest-approving-controller",
	.workers = 1,
	.sources = { { GROUP, PLURAL, map_request } },
	.sync = sync_approval,
};

/* --- signing ------------------------------------------------------------------------------------------------------------ */

static char **usages_of(const json_t *csr)
{
	char **out = NULL;
	json_t *v;
	size_t i;
	json_array_foreach(json_at(csr, "spec.usages"), i, v)
		strv_add(&out, json_string_value(v));
	return out;
}

static int issue(const struct controllers_config *c, const json_t *csr, char **ret, struct err *e)
{
	AUTO_STR pem = STR_INIT;
	AUTO_STRV char **usages = usages_of(csr);
	const char *text = json_str_or(csr, "spec.request", "");
	if (base64_decode(&pem, text, strlen(text)) < 0)
		return err_set(e, -EINVAL, "spec.request: not base64");
	return pki_request_sign(c->signing_cert_file, c->signing_key_file, str_text(&pem), pem.len, (const char *const *)usages,
				csr_seconds(csr, c->signing_seconds), ret, e);
}

static void sync_signing(struct sync *s)
{
	const struct controllers_config *c = runner_config(s->runner);
	AUTO_JSON *csr = request_of(s);
	AUTO_STR why = STR_INIT;
	AUTO_FREE char *certificate = NULL;
	struct err e = ERR_INIT;
	if (!csr || !csr_wants_signing(csr) || !c->signing_key_file)
		return;
	if (csr_is_wrong(csr, &why))
		csr_sign_plan(csr, NULL, str_text(&why), s->now_ms, s->plan);
	else if (issue(c, csr, &certificate, &e) < 0)
		log_error("certificate is not signed request=%s error=\"%s\"", s->name, err_text(&e));
	else
		csr_sign_plan(csr, certificate, NULL, s->now_ms, s->plan);
}

const struct controller csr_signing_controller = {
	.name = "certificatesigningrequest-signing-controller",
	.component = "certificatesigningrequest-signing-controller",
	.workers = 1,
	.sources = { { GROUP, PLURAL, map_request } },
	.sync = sync_signing,
};

/* --- cleaning ----------------------------------------------------------------------------------------------------------- */

static void sync_cleaning(struct sync *s)
{
	AUTO_JSON *csr = request_of(s);
	if (csr)
		csr_clean_plan(csr, s->now_ms, s->plan);
}

const struct controller csr_cleaner_controller = {
	.name = "certificatesigningrequest-cleaner-controller",
	.component = "certificatesigningrequest-cleaner-controller",
	.workers = 1,
	.sources = { { GROUP, PLURAL, map_request } },
	.sync = sync_cleaning,
};
