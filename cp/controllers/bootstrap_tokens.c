/* The controllers of bootstrap tokens: one removes those that are over, one signs cluster-info with the others. */
#include <string.h>

#include "api/bootstrap_secret.h"
#include "base/json.h"
#include "cp/controllers/bootstrap_plan.h"
#include "cp/controllers/table.h"

#define SYSTEM "kube-system"
#define PUBLIC "kube-public"
#define INFO "cluster-info"

static bool is_token(void *arg, const struct cobj *o)
{
	(void)arg;
	return str_eq(o->ns, SYSTEM) && str_has_prefix(o->name, BOOTSTRAP_SECRET_PREFIX);
}

static void map_token(struct runner *r, const struct cache_event *ev)
{
	if (is_token(NULL, ev->obj) && ev->type != CACHE_DELETED)
		runner_add(r, ev->obj->ns, ev->obj->name);
}

static void sync_cleaner(struct sync *s)
{
	AUTO_JSON *secret = runner_parse(s->runner, bucket_get(api_bucket(s->api, "", "secrets"), s->ns, s->name));
	if (secret)
		token_cleaner_plan(secret, s->now_ms, s->plan);
}

const struct controller token_cleaner_controller = {
	.name = "token-cleaner-controller",
	.component = "token-cleaner",
	.workers = 1,
	.sources = { { "", "secrets", map_token } },
	.sync = sync_cleaner,
};

static void map_signing_token(struct runner *r, const struct cache_event *ev)
{
	if (is_token(NULL, ev->obj))
		runner_add(r, PUBLIC, INFO);
}

static void map_info(struct runner *r, const struct cache_event *ev)
{
	if (str_eq(ev->obj->ns, PUBLIC) && str_eq(ev->obj->name, INFO))
		runner_add(r, PUBLIC, INFO);
}

static void sync_signer(struct sync *s)
{
	AUTO_JSON *info = runner_parse(s->runner, bucket_get(api_bucket(s->api, "", "configmaps"), PUBLIC, INFO));
	AUTO_JSON *secrets = runner_list(s->runner, api_bucket(s->api, "", "secrets"), SYSTEM, is_token, NULL);
	bootstrap_signer_plan(info, secrets, s->now_ms, s->plan);
}

const struct controller bootstrap_signer_controller = {
	.name = "bootstrap-signer-controller",
	.component = "bootstrap-signer",
	.workers = 1,
	.sources = { { "", "configmaps", map_info }, { "", "secrets", map_signing_token } },
	.sync = sync_signer,
};
