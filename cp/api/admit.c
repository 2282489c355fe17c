/* Admission's door. Purpose: writes, deletes and connections tell the chain what they are about to do, and the chain
 * reaches the request's warnings, audit annotations and rights. Nothing fails here but a server that cannot start it. */
#include "cp/api/admit.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "cp/api/encode.h"
#include "cp/schema/managed.h"
#include "cp/store/store.h"

static void warn(void *request, const char *text)
{
	req_warn(request, text);
}

static void annotate(void *request, const char *key, const char *value)
{
	req_annotate(request, key, value);
}

static bool may(void *request, const struct auth_attributes *what)
{
	return api_may(request, what);
}

/* A store on its way for admission. */
struct errand {
	void (*done)(void *arg, int r, const struct err *e);
	void *arg;
};

static void on_stored(void *arg, int r, uint64_t rev, const struct err *e)
{
	struct errand *errand = arg;
	(void)rev;
	errand->done(errand->arg, r, e);
	free(errand);
}

/* Notes in object that the server itself has written its status. */
static void note_manager(const struct resource *res, json_t *object)
{
	AUTO_JSON *ignored = json_pack("{s:{}}", "f:spec");
	struct cobj *o = bucket_get(res->bucket, json_str_or(object, "metadata.namespace", ""),
				    json_str_or(object, "metadata.name", ""));
	AUTO_JSON *live = o ? cobj_parse(o) : NULL;
	char now[RFC3339_MAX];
	struct managed_by by = {.type = res->kind->type,
				.api_version = json_str_or(object, "apiVersion", ""),
				.manager = "kube-apiserver",
				.subresource = "status",
				.now = rfc3339(clock_wall_ms(), now),
				.ignored = ignored};
	if (live)
		managed_update(&by, live, object);
}

static void store(void *server, const char *group, const char *version, const char *plural, json_t *objects,
		  void (*done)(void *arg, int r, const struct err *e), void *arg)
{
	struct api *a = server;
	const struct resource *res = api_resource(a, group, version, plural);
	size_t n = json_array_size(objects), i;
	struct store_op *ops = xcalloc(n ? n : 1, sizeof(*ops));
	struct errand *errand = xcalloc(1, sizeof(*errand));
	json_t *o;
	*errand = (struct errand){done, arg};
	json_array_foreach(objects, i, o)
	{
		const char *rev = json_str_or(o, "metadata.resourceVersion", "0");
		ops[i] = (struct store_op){.type = STORE_PUT, .expect = strtoull(rev, NULL, 10)};
		ops[i].key = bucket_key(res->bucket, json_str_or(o, "metadata.namespace", ""),
					json_str_or(o, "metadata.name", ""));
		note_manager(res, o);
		ops[i].value = encode_stored(res->kind, o);
	}
	store_txn(cache_store(a->cache), ops, n, on_stored, errand);
	for (i = 0; i < n; i++) {
		free((char *)ops[i].key);
		buf_unref(ops[i].value);
	}
	free(ops);
}

int admit_init(struct api *a, struct err *e)
{
	struct admission_config c = {.loop = a->loop,
				     .schema = a->schema,
				     .cache = a->cache,
				     .ca_file = a->ca_file,
				     .warn = warn,
				     .annotate = annotate,
				     .may = may,
				     .equivalent = equivalent_kind,
				     .convert = equivalent_convert,
				     .server = a,
				     .store = store};
	return admission_new(&c, &a->admission, e);
}

bool api_quota_is_busy(const struct api *a, const char *ns)
{
	return admission_quota_is_busy(a->admission, ns);
}

static void fill(struct admit *a, struct req *q, const struct kind *k, const char *ns, const char *name)
{
	*a = (struct admit){
	    .n = q->api->admission, .request = q, .kind = k, .subresource = "", .ns = ns, .name = name, .user = &q->user};
}

/* What a webhook's patch left out is filled in as if the client had sent it. */
static void set_defaults(void *request, json_t *object)
{
	const struct resource *res = ((struct req *)request)->res;
	schema_default(res->kind, object);
	if (res->ops->set_defaults)
		res->ops->set_defaults(object, NULL);
}

void admit_write(struct write *w)
{
	fill(&w->admit, w->q, w->res->kind, w->ns, w->name);
	w->admit.subresource = w->kind == WRITE_CREATE ? "" : w->q->route.subresource;
	w->admit.op = w->before ? ADMIT_UPDATE : ADMIT_CREATE;
	w->admit.object = w->object;
	w->admit.old = w->before;
	w->admit.dry_run = w->dry_run;
	w->admit.set_defaults = w->q->res == w->res ? set_defaults : NULL;
}

void admit_delete(struct admit *a, struct req *q, const struct kind *k, const char *ns, const char *name, json_t *old,
		  bool dry_run)
{
	fill(a, q, k, ns, name);
	a->op = ADMIT_DELETE;
	a->old = old;
	a->dry_run = dry_run;
}

/* --- requests that store nothing --------------------------------------------------------------------------------- */

struct passage {
	struct admit admit;
	struct req *q;
	void (*done)(struct req *q, json_t *status, json_t *object);
};

static void on_validated(void *arg, json_t *status)
{
	struct passage *p = arg;
	admit_settle(&p->admit, status == NULL);
	p->done(p->q, status, p->admit.object);
	json_decref(p->admit.object);
	req_unref(p->q);
	free(p);
}

static void on_mutated(void *arg, json_t *status)
{
	struct passage *p = arg;
	if (status)
		on_validated(p, status);
	else
		admit_validate(&p->admit, on_validated, p);
}

void admit_request(struct req *q, enum admit_op op, json_t *object,
		   void (*done)(struct req *q, json_t *status, json_t *object))
{
	struct passage *p = xcalloc(1, sizeof(*p));
	fill(&p->admit, q, q->res->kind, q->res->kind->namespaced ? q->route.ns : "", q->route.name);
	p->admit.op = op;
	p->admit.subresource = q->route.subresource;
	p->admit.object = json_incref(object);
	p->admit.dry_run = req_dry_run(q);
	p->q = req_ref(q);
	p->done = done;
	admit_mutate(&p->admit, on_mutated, p);
}

json_t *admit_connect_options(const struct req *q)
{
	static const struct {
		const char *resource, *subresource, *kind;
	} kinds[] = {{"pods", "exec", "PodExecOptions"},	  {"pods", "attach", "PodAttachOptions"},
		     {"pods", "portforward", "PodPortForwardOptions"}, {"pods", "proxy", "PodProxyOptions"},
		     {"services", "proxy", "ServiceProxyOptions"}, {"nodes", "proxy", "NodeProxyOptions"}};
	static const char *const flags[] = {"stdin", "stdout", "stderr", "tty"};
	static const struct {
		const char *name;
		bool number;
	} lists[] = {{"command", false}, {"ports", true}};
	json_t *o = json_object();
	const char *text;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (strcmp(kinds[i].subresource, q->route.subresource) == 0 && strcmp(kinds[i].resource, q->route.resource) == 0)
			json_set_str(o, "kind", kinds[i].kind);
	json_set_str(o, "apiVersion", "v1");
	if (strcmp(q->route.subresource, "proxy") == 0) {
		AUTO_FREE char *path = xasprintf("%s%s", q->route.tail_slash ? "/" : "", q->route.rest);
		json_set_str(o, "path", path);
		return o;
	}
	for (size_t i = 0; i < ARRAY_LEN(flags); i++)
		if (query_bool(&q->query, flags[i]))
			json_object_set_new(o, flags[i], json_true());
	if ((text = req_param(q, "container")))
		json_set_str(o, "container", text);
	for (size_t l = 0; l < ARRAY_LEN(lists); l++)
		for (size_t i = 0; (text = query_nth(&q->query, lists[l].name, i)); i++)
			json_array_append_new(json_array_at(o, lists[l].name),
					      lists[l].number ? json_integer(atoi(text)) : json_string(text));
	return o;
}
