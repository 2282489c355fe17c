/* The chain of admission. Purpose: every write, delete and connection passes the plugins in one order. Happy path: each
 * plugin that handles the operation and kind looks at the object, changes it or lets it pass. A refusal ends the chain;
 * a plugin that waits is resumed where it stood. When a webhook changed the object, the mutating plugins run once more.
 * What is reserved on the way is always settled. */
#include "cp/admission/admission.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cp/admission/hook_metrics.h"
#include "cp/admission/plugin.h"
#include "cp/admission/quota.h"
#include "io/http_client.h"

/* In the order of the original (AllOrderedPlugins). */
static const struct admit_plugin *const plugins[] = {
	&namespace_lifecycle_plugin,
	&limit_ranger_plugin,
	&service_account_plugin,
	&node_restriction_plugin,
	&taint_nodes_plugin,
	&pod_security_plugin,
	&priority_plugin,
	&default_tolerations_plugin,
	&default_storage_class_plugin,
	&storage_in_use_plugin,
	&claim_resize_plugin,
	&runtime_class_plugin,
	&certificate_approval_plugin,
	&certificate_signing_plugin,
	&certificate_subject_plugin,
	&default_ingress_class_plugin,
	&topology_labels_plugin,
	&mutating_policy_plugin,
	&mutating_webhook_plugin,
	&validating_policy_plugin,
	&validating_webhook_plugin,
	&node_features_plugin,
	&resource_quota_plugin,
};

int admission_new(const struct admission_config *c, struct admission **ret, struct err *e)
{
	struct admission *n = xcalloc(1, sizeof(*n));
	n->c = *c;
	list_init(&n->waiting);
	n->quotas = quota_book_new(n);
	n->hook_metrics = hook_metrics_new();
	int r = http_client_new(&(struct http_client_config){ .loop = c->loop }, &n->http, e);
	if (r < 0) {
		admission_free(n);
		return err_wrap(e, r, "calls to webhooks");
	}
	*ret = n;
	return 0;
}

static void finish(struct admit *a, json_t *status)
{
	admit_done done = a->done;
	a->done = NULL;
	done(a->done_arg, status);
}

void admission_free(struct admission *n)
{
	if (!n)
		return;
	while (!list_is_empty(&n->waiting)) {
		struct admit *a = LIST_ENTRY(list_pop(&n->waiting), struct admit, link);
		a->suspended = false;
		if (a->cancel)
			a->cancel(a);
		finish(a, status_new(503, "ServiceUnavailable", "the server is shutting down"));
	}
	quota_book_free(n->quotas);
	http_client_free(n->http);
	hook_metrics_free(n->hook_metrics);
	free(n);
}

void admission_metrics(const struct admission *n, struct str *out)
{
	hook_metrics_write(n->hook_metrics, out);
}

static bool fits_kind(const char *pattern, const struct kind *k)
{
	const char *slash = strrchr(pattern, '/');
	size_t group = slash ? (size_t)(slash - pattern) : 0;
	return strcmp(slash ? slash + 1 : pattern, k->kind) == 0 && strlen(k->group) == group &&
	       strncmp(pattern, k->group, group) == 0;
}

static bool handles(const struct admit_plugin *p, const struct admit *a)
{
	if (!(p->ops & a->op) || (*a->subresource && !p->subresources))
		return false;
	for (size_t i = 0; p->kinds && p->kinds[i]; i++)
		if (fits_kind(p->kinds[i], a->kind))
			return true;
	return !p->kinds;
}

static void run(struct admit *a)
{
	for (;;) {
		while (a->at < ARRAY_LEN(plugins)) {
			const struct admit_plugin *p = plugins[a->at++];
			json_t *(*fn)(struct admit *) = a->validating ? p->validate : p->mutate;
			if (!fn || !handles(p, a))
				continue;
			json_t *status = fn(a);
			if (a->suspended)
				return;
			if (status) {
				finish(a, status);
				return;
			}
		}
		if (a->validating || !a->reinvoke || a->reinvoked)
			break;
		a->reinvoked = true;
		a->at = 0;
	}
	finish(a, NULL);
}

static void start(struct admit *a, bool validating, admit_done done, void *arg)
{
	a->validating = validating;
	a->at = 0;
	a->done = done;
	a->done_arg = arg;
	list_init(&a->link);
	run(a);
}

void admit_mutate(struct admit *a, admit_done done, void *arg)
{
	start(a, false, done, arg);
}

void admit_validate(struct admit *a, admit_done done, void *arg)
{
	start(a, true, done, arg);
}

void admit_suspend(struct admit *a, void *waiting, void (*cancel)(struct admit *a))
{
	a->suspended = true;
	a->waiting = waiting;
	a->cancel = cancel;
	list_add(&a->n->waiting, &a->link);
}

void admit_resume(struct admit *a, json_t *status)
{
	a->suspended = false;
	a->waiting = NULL;
	a->cancel = NULL;
	list_remove(&a->link);
	if (status)
		finish(a, status);
	else
		run(a);
}

void admit_settle(struct admit *a, bool committed)
{
	for (size_t i = 0; i < ARRAY_LEN(plugins); i++)
		if (plugins[i]->settle)
			plugins[i]->settle(a, committed);
}

/* --- what plugins use ------------------------------------------------------------------------------------------- */

const char *admit_name(const struct admit *a)
{
	const char *name = a->name;
	if (str_empty(name))
		name = json_str_at(a->object, "metadata.name");
	if (str_empty(name))
		name = json_str_at(a->object, "metadata.generateName");
	return str_empty(name) ? "Unknown!" : name;
}

json_t *admit_forbidden(const struct admit *a, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	AUTO_FREE char *why = xvasprintf(fmt, ap);
	va_end(ap);
	return status_forbidden(a->kind->group, a->kind->plural, admit_name(a), "%s", why);
}

bool admit_is_kind(const struct admit *a, const char *group, const char *kind)
{
	return strcmp(a->kind->kind, kind) == 0 && strcmp(a->kind->group, group) == 0;
}

void admit_warn(const struct admit *a, const char *text)
{
	if (a->n->c.warn)
		a->n->c.warn(a->request, text);
}

void admit_annotate(const struct admit *a, const char *key, const char *value)
{
	if (a->n->c.annotate)
		a->n->c.annotate(a->request, key, value);
}

struct bucket *admission_bucket(const struct admission *n, const char *group, const char *version, const char *plural)
{
	const struct kind *k = schema_find(n->c.schema, group, version, plural);
	return k && !str_empty(k->storage_prefix) ? cache_bucket(n->c.cache, k->storage_prefix) : NULL;
}

static struct cobj *find(const struct admission *n, const char *group, const char *version, const char *plural, const char *ns,
			 const char *name)
{
	struct bucket *b = admission_bucket(n, group, version, plural);
	return b ? bucket_get(b, ns, name) : NULL;
}

json_t *admission_get(const struct admission *n, const char *group, const char *version, const char *plural, const char *ns,
		      const char *name)
{
	struct cobj *o = find(n, group, version, plural, ns, name);
	return o ? cobj_parse(o) : NULL;
}

const json_t *admission_peek(const struct admission *n, const char *group, const char *version, const char *plural,
			     const char *ns, const char *name)
{
	struct cobj *o = find(n, group, version, plural, ns, name);
	return o ? cobj_value(o) : NULL;
}

static void collect(void *arg, struct cobj *o)
{
	json_array_append_new(arg, cobj_parse(o));
}

static void collect_shared(void *arg, struct cobj *o)
{
	json_array_append(arg, (json_t *)cobj_value(o));
}

static json_t *list(const struct admission *n, const char *group, const char *version, const char *plural, const char *ns,
		    void (*add)(void *arg, struct cobj *o))
{
	struct bucket *b = admission_bucket(n, group, version, plural);
	json_t *all = json_array();
	if (b && bucket_len(b))
		bucket_list(b, &(struct bucket_query){ .ns = ns }, add, all);
	return all;
}

json_t *admission_list(const struct admission *n, const char *group, const char *version, const char *plural, const char *ns)
{
	return list(n, group, version, plural, ns, collect);
}

json_t *admission_peek_list(const struct admission *n, const char *group, const char *version, const char *plural, const char *ns)
{
	return list(n, group, version, plural, ns, collect_shared);
}
