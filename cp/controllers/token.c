/* The controller that fills secrets which ask for a service account's token, and removes those whose account has gone.
 * Such tokens have no end: they hold as long as secret and account do. */
#include <stdlib.h>

#include "base/fs.h"
#include "base/json.h"
#include "cp/controllers/object.h"
#include "cp/controllers/table.h"
#include "cp/controllers/token_plan.h"

static void map_secret(struct runner *r, const struct cache_event *ev)
{
	AUTO_JSON *secret = runner_parse(r, ev->obj);
	if (ev->type != CACHE_DELETED && token_secret_account(secret))
		runner_add(r, ev->obj->ns, ev->obj->name);
}

static void add_secret(void *arg, struct cobj *o)
{
	struct runner *r = arg;
	AUTO_JSON *secret = runner_parse(r, o);
	if (token_secret_account(secret))
		runner_add(r, o->ns, o->name);
}

static void map_account(struct runner *r, const struct cache_event *ev)
{
	if (ev->type == CACHE_ADDED || ev->type == CACHE_DELETED)
		runner_each(api_bucket(runner_api(r), "", "secrets"), ev->obj->ns, add_secret, r);
}

static void *load_ca(struct api *a)
{
	AUTO_STR text = STR_INIT;
	const char *file = api_ca_file(a);
	return file && fs_read_file(file, 1 << 20, &text, NULL) == 0 ? str_take(&text) : NULL;
}

static void sync_secret(struct sync *s)
{
	struct cobj *o = bucket_get(api_bucket(s->api, "", "secrets"), s->ns, s->name);
	AUTO_JSON *secret = o && !o->deleting ? runner_parse(s->runner, o) : NULL;
	const char *name = token_secret_account(secret);
	if (!name)
		return;
	AUTO_JSON *account = runner_parse(s->runner, bucket_get(api_bucket(s->api, "", "serviceaccounts"), s->ns, name));
	AUTO_FREE char *token = token_secret_wants(secret, account)
				    ? api_secret_token(s->api, s->ns, name, json_str_or(account, "metadata.uid", ""), s->name)
				    : NULL;
	token_secret_plan(secret, account, token, s->state, s->plan);
}

const struct controller token_controller = {
    .name = "serviceaccount-token-controller",
    .component = "serviceaccount-token-controller",
    .workers = 1,
    .sources = {{"", "secrets", map_secret}, {"", "serviceaccounts", map_account}},
    .sync = sync_secret,
    .state_new = load_ca,
    .state_free = free,
};
