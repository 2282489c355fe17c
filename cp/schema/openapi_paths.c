/* Kinds as OpenAPI paths: collection, object and subresources with their operations and parameters.
 *
 * Happy path: a table of operations for resources and one of subresources, each operation written in the dialect of the
 * document. Clients look up by group, version and kind whether a patch takes dryRun or fieldValidation. Nothing fails.
 * What always holds: an operation is there exactly when the kind has its verb. */
#include <ctype.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "cp/schema/openapi_internal.h"

#define ANY_MEDIA "*/*"
#define OBJECT_MEDIA "application/json application/yaml"
#define WATCH_MEDIA OBJECT_MEDIA " application/json;stream=watch"
#define PATCH_MEDIA                                                                                                    \
	"application/json-patch+json application/merge-patch+json application/strategic-merge-patch+json "             \
	"application/apply-patch+yaml"
#define WRITE_QUERY "dryRun fieldManager fieldValidation"
#define LIST_QUERY                                                                                                     \
	"allowWatchBookmarks continue fieldSelector labelSelector limit resourceVersion resourceVersionMatch "         \
	"sendInitialEvents shardSelector timeoutSeconds watch"
#define DELETE_QUERY                                                                                                   \
	"dryRun gracePeriodSeconds ignoreStoreReadErrorWithClusterBreakingPotential orphanDependents "                 \
	"propagationPolicy"
#define DELETE_MANY_QUERY                                                                                              \
	DELETE_QUERY " continue fieldSelector labelSelector limit resourceVersion resourceVersionMatch "               \
		     "sendInitialEvents shardSelector timeoutSeconds"

/* --- parameters --------------------------------------------------------------------------------------------------- */

/* The default is a text in the query. */
static const struct openapi_parameter parameters[] = {
    {"name", "path", "string"},
    {"namespace", "path", "string"},
    {"path...", "path", "string"}, /* the rest of a proxied path */
    {"allowWatchBookmarks", "query", "boolean"},
    {"follow", "query", "boolean"},
    {"force", "query", "boolean"},
    {"gracePeriodSeconds", "query", "integer"},
    {"ignoreStoreReadErrorWithClusterBreakingPotential", "query", "boolean"},
    {"insecureSkipTLSVerifyBackend", "query", "boolean"},
    {"limit", "query", "integer"},
    {"limitBytes", "query", "integer"},
    {"orphanDependents", "query", "boolean"},
    {"ports", "query", "integer"},
    {"previous", "query", "boolean"},
    {"sendInitialEvents", "query", "boolean"},
    {"sinceSeconds", "query", "integer"},
    {"stderr", "query", "boolean"},
    {"stdin", "query", "boolean"},
    {"stdout", "query", "boolean"},
    {"tailLines", "query", "integer"},
    {"timeoutSeconds", "query", "integer"},
    {"timestamps", "query", "boolean"},
    {"tty", "query", "boolean"},
    {"watch", "query", "boolean"},
};

static json_t *parameter(struct openapi_document *d, const char *name)
{
	struct openapi_parameter p = {name, "query", "string"};
	json_t *have = map_get(d->parameters, name);
	AUTO_FREE char *plain = NULL;

	if (have)
		return json_incref(have);
	for (size_t i = 0; i < ARRAY_LEN(parameters); i++)
		if (strcmp(parameters[i].name, name) == 0)
			p = parameters[i];
	plain = xstrndup(name, strcspn(name, "."));
	p.name = plain;
	have = d->dialect->parameter(&p);
	map_set(d->parameters, name, have);
	return json_incref(have);
}

/* Adds those named in words. */
static void add_parameters(struct openapi_document *d, json_t *list, const char *words)
{
	AUTO_STRV char **names = str_split(words, ' ');

	for (size_t i = 0; names && names[i]; i++)
		json_array_append_new(list, parameter(d, names[i]));
}

/* --- operations --------------------------------------------------------------------------------------------------- */

enum body { BODY_NONE, BODY_OBJECT, BODY_PATCH, BODY_OPTIONS };
enum answer { ANSWER_OBJECT, ANSWER_LIST, ANSWER_STATUS, ANSWER_DELETED, ANSWER_TEXT };

struct operation {
	const char *verb, *method;
	const char *action, *word; /* x-kubernetes-action; how the operation's id begins */
	const char *query;
	enum body body;
	enum answer answer;
	const char *codes;
};

static const struct operation on_collection[] = {
    {"list", "get", "list", "list", LIST_QUERY, BODY_NONE, ANSWER_LIST, "200"},
    {"create", "post", "post", "create", WRITE_QUERY, BODY_OBJECT, ANSWER_OBJECT, "200 201 202"},
    {"deletecollection", "delete", "deletecollection", "delete", DELETE_MANY_QUERY, BODY_OPTIONS, ANSWER_STATUS, "200"},
    {NULL},
};
static const struct operation on_object[] = {
    {"get", "get", "get", "read", "", BODY_NONE, ANSWER_OBJECT, "200"},
    {"update", "put", "put", "replace", WRITE_QUERY, BODY_OBJECT, ANSWER_OBJECT, "200 201"},
    {"patch", "patch", "patch", "patch", WRITE_QUERY " force", BODY_PATCH, ANSWER_OBJECT, "200 201"},
    {"delete", "delete", "delete", "delete", DELETE_QUERY, BODY_OPTIONS, ANSWER_DELETED, "200 202"},
    {NULL},
};
static const struct operation on_all_namespaces[] = {
    {"list", "get", "list", "list", LIST_QUERY, BODY_NONE, ANSWER_LIST, "200"},
    {NULL},
};
static const struct operation on_connection[] = {
    {"connect", "get", "connect", "connectGet", "", BODY_NONE, ANSWER_TEXT, "200"},
    {"connect", "post", "connect", "connectPost", "", BODY_NONE, ANSWER_TEXT, "200"},
    {"proxy", "put", "connect", "connectPut", "", BODY_NONE, ANSWER_TEXT, "200"},
    {"proxy", "delete", "connect", "connectDelete", "", BODY_NONE, ANSWER_TEXT, "200"},
    {"proxy", "options", "connect", "connectOptions", "", BODY_NONE, ANSWER_TEXT, "200"},
    {"proxy", "head", "connect", "connectHead", "", BODY_NONE, ANSWER_TEXT, "200"},
    {"proxy", "patch", "connect", "connectPatch", "", BODY_NONE, ANSWER_TEXT, "200"},
    {NULL},
};

/* What stands at one path: which operations of a table, for which kind, and how the operations' ids end. */
struct place {
	const struct kind *kind;
	const struct operation *operations;
	const char *const *verbs; /* NULL-terminated */
	struct openapi_gvk gvk;
	const char *type; /* of bodies and answers, in the tables' words; NULL: the kind's */
	const char *suffix, *answer_media;
	bool one, everywhere; /* with a {name}; of all namespaces */
};

/* "apps" "rbac.authorization.k8s.io" "" -> "apps" "rbacAuthorization" "core". Returns owned. */
char *openapi_group_word(const char *group)
{
	AUTO_STR out = STR_INIT;
	size_t n = strlen(group);
	bool up = false;

	if (str_has_suffix(group, ".k8s.io"))
		n -= strlen(".k8s.io");
	for (size_t i = 0; i < n; i++) {
		if (group[i] != '.')
			str_addc(&out, up ? (char)toupper((unsigned char)group[i]) : group[i]);
		up = group[i] == '.';
	}
	return n ? str_take(&out) : xstrdup("core");
}

void openapi_add_capital(struct str *out, const char *word)
{
	str_addc(out, (char)toupper((unsigned char)*word));
	str_add(out, word + 1);
}

/* "connectCoreV1GetNamespacedPodExec": the word's own second part stands behind the version. Returns owned. */
static char *operation_id(const struct place *p, const struct operation *op)
{
	AUTO_STR out = STR_INIT;
	AUTO_FREE char *group = openapi_group_word(p->kind->group);
	size_t first = strcspn(op->word, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");

	str_addn(&out, op->word, first);
	openapi_add_capital(&out, group);
	openapi_add_capital(&out, p->kind->version);
	str_add(&out, op->word + first);
	if (strcmp(op->action, "deletecollection") == 0)
		str_add(&out, "Collection");
	if (p->kind->namespaced && !p->everywhere)
		str_add(&out, "Namespaced");
	str_add(&out, p->kind->kind);
	if (p->suffix)
		str_add(&out, p->suffix);
	if (p->everywhere)
		str_add(&out, "ForAllNamespaces");
	return str_take(&out);
}

static json_t *object_ref(struct openapi_document *d, const struct place *p)
{
	if (p->type)
		return openapi_named_ref(d, p->type);
	if (p->kind->type && p->kind->type->name)
		return openapi_type_ref(d, p->kind->type);
	return json_pack("{s:s}", "type", "object");
}

/* The kinds whose deletion answers with the object; all others answer with a Status. */
static bool returns_deleted(const struct kind *k)
{
	static const char *const of_core[] = {"persistentvolumeclaims", "persistentvolumes", "pods",    "podtemplates",
					      "resourcequotas",         "serviceaccounts",   "services"};
	static const char *const groups[] = {"resource.k8s.io", "storage.k8s.io"};

	if (strcmp(k->plural, "csistoragecapacities") == 0)
		return false;

	for (size_t i = 0; !*k->group && i < ARRAY_LEN(of_core); i++)
		if (strcmp(of_core[i], k->plural) == 0)
			return true;
	for (size_t i = 0; i < ARRAY_LEN(groups); i++)
		if (strcmp(groups[i], k->group) == 0)
			return true;
	return false;
}

static json_t *answer_schema(struct openapi_document *d, const struct place *p, enum answer answer)
{
	if (answer == ANSWER_TEXT)
		return json_pack("{s:s}", "type", "string");
	if (answer == ANSWER_LIST && p->kind->type && p->kind->type->name)
		return openapi_list_ref(d, p->kind);
	if (answer == ANSWER_STATUS || (answer == ANSWER_DELETED && !returns_deleted(p->kind)))
		return openapi_named_ref(d, "meta.v1.Status");
	return object_ref(d, p);
}

static void add_responses(struct openapi_document *d, json_t *o, const struct place *p, const struct operation *op)
{
	static const char *const descriptions[] = {"OK", "Created", "Accepted"};
	AUTO_STRV char **codes = str_split(op->codes, ' ');
	AUTO_JSON *schema = answer_schema(d, p, op->answer);
	const char *media = op->answer == ANSWER_TEXT   ? ANY_MEDIA
			    : op->answer == ANSWER_LIST ? WATCH_MEDIA
							: OBJECT_MEDIA;

	if (p->answer_media)
		media = p->answer_media;
	for (size_t i = 0; codes && codes[i]; i++)
		d->dialect->add_response(o, codes[i], descriptions[codes[i][2] - '0'], schema, media);
	d->dialect->add_response(o, "401", "Unauthorized", NULL, NULL);
	d->dialect->add_media_types(o, op->body == BODY_PATCH ? PATCH_MEDIA : ANY_MEDIA, media);
}

static void add_body(struct openapi_document *d, json_t *o, const struct place *p, enum body body)
{
	if (body == BODY_OBJECT)
		d->dialect->add_body(o, object_ref(d, p), true, ANY_MEDIA);
	else if (body == BODY_PATCH)
		d->dialect->add_body(o, openapi_named_ref(d, "meta.v1.Patch"), true, PATCH_MEDIA);
	else if (body == BODY_OPTIONS)
		d->dialect->add_body(o, openapi_named_ref(d, "meta.v1.DeleteOptions"), false, ANY_MEDIA);
}

static json_t *operation_value(struct openapi_document *d, const struct place *p, const struct operation *op)
{
	AUTO_FREE char *id = operation_id(p, op), *group = openapi_group_word(p->kind->group);
	AUTO_FREE char *tag = xasprintf("%s_%s", group, p->kind->version);
	json_t *o = json_pack("{s:[s],s:s,s:[]}", "tags", tag, "operationId", id, "parameters");

	add_parameters(d, json_object_get(o, "parameters"), op->query);
	add_body(d, o, p, op->body);
	if (!json_array_size(json_object_get(o, "parameters")))
		json_object_del(o, "parameters");
	add_responses(d, o, p, op);
	json_object_set_new(o, "x-kubernetes-action", json_string(op->action));
	json_object_set_new(o, "x-kubernetes-group-version-kind", openapi_gvk_json(&p->gvk));
	return o;
}

static bool has(const char *const *words, const char *word)
{
	for (size_t i = 0; words && words[i]; i++)
		if (strcmp(words[i], word) == 0)
			return true;
	return false;
}

/* A path with its operations; nothing when none of them is served. */
static void add_path(struct openapi_document *d, const char *path, const struct place *p, const char *query)
{
	json_t *item = json_object(), *list;

	for (const struct operation *op = p->operations; op->verb; op++)
		if (has(p->verbs, op->verb))
			json_object_set_new(item, op->method, operation_value(d, p, op));
	if (!json_object_size(item)) {
		json_decref(item);
		return;
	}
	list = json_array();
	add_parameters(d, list, p->one ? "name" : "");
	add_parameters(d, list, p->kind->namespaced && !p->everywhere ? "namespace" : "");
	add_parameters(d, list, query);
	json_object_set_new(item, "parameters", list);
	json_object_set_new(d->paths, path, item);
}

/* --- subresources ------------------------------------------------------------------------------------------------- */

#define SUB_WRITE                                                                                                      \
	{                                                                                                              \
		"get", "update", "patch", NULL                                                                         \
	}

static const struct sub {
	const char *plural, *name; /* plural NULL: of any kind */
	const char *verbs[4];
	bool connects;
	struct openapi_gvk gvk; /* group NULL: the kind's own */
	const char *type, *query, *answer_media;
} subs[] = {
    {"pods",
     "attach",
     {"connect"},
     true,
     {"", "v1", "PodAttachOptions"},
     NULL,
     "container stderr stdin stdout tty",
     NULL},
    {"pods",
     "exec",
     {"connect"},
     true,
     {"", "v1", "PodExecOptions"},
     NULL,
     "command container stderr stdin stdout tty",
     NULL},
    {"pods", "portforward", {"connect"}, true, {"", "v1", "PodPortForwardOptions"}, NULL, "ports", NULL},
    {"pods", "proxy", {"connect", "proxy"}, true, {"", "v1", "PodProxyOptions"}, NULL, "path", NULL},
    {"services", "proxy", {"connect", "proxy"}, true, {"", "v1", "ServiceProxyOptions"}, NULL, "path", NULL},
    {"nodes", "proxy", {"connect", "proxy"}, true, {"", "v1", "NodeProxyOptions"}, NULL, "path", NULL},
    {"pods", "binding", {"create"}, false, {"", "v1", "Binding"}, "core.v1.Binding", "pretty", NULL},
    {"pods", "eviction", {"create"}, false, {"policy", "v1", "Eviction"}, "policy.v1.Eviction", "pretty", NULL},
    {"serviceaccounts",
     "token",
     {"create"},
     false,
     {"authentication.k8s.io", "v1", "TokenRequest"},
     "authentication.v1.TokenRequest",
     "pretty",
     NULL},
    {"pods",
     "log",
     {"get"},
     false,
     {0},
     NULL,
     "container follow insecureSkipTLSVerifyBackend limitBytes pretty previous sinceSeconds stream tailLines "
     "timestamps",
     "text/plain " OBJECT_MEDIA},
    {"namespaces", "finalize", {"update"}, false, {0}, NULL, "pretty", NULL},
    {NULL, "scale", SUB_WRITE, false, {"autoscaling", "v1", "Scale"}, "autoscaling.v1.Scale", "pretty", NULL},
    {NULL, NULL, SUB_WRITE, false, {0}, NULL, "pretty", NULL}, /* status, resize, ephemeralcontainers ... */
};

static const struct sub *sub_of(const struct kind *k, const char *name)
{
	const struct sub *s = subs;

	while (s->name && (strcmp(s->name, name) != 0 || (s->plural && strcmp(s->plural, k->plural) != 0)))
		s++;
	return s;
}

/* Subresources that are posted to are created; the log is read as text. */
static const struct operation *sub_operations(const struct sub *s)
{
	static const struct operation reads_text[] = {
	    {"get", "get", "get", "read", "", BODY_NONE, ANSWER_TEXT, "200"},
	    {NULL},
	};

	if (s->connects)
		return on_connection;
	if (strcmp(s->verbs[0], "create") == 0)
		return on_collection;
	return s->answer_media ? reads_text : on_object;
}

static void add_subresource(struct openapi_document *d, const struct kind *k, const char *object, const char *name)
{
	const struct sub *s = sub_of(k, name);
	AUTO_FREE char *path = xasprintf("%s/%s", object, name), *below = xasprintf("%s/{path}", path);
	AUTO_STR suffix = STR_INIT;
	struct place p = {.kind = k,
			  .operations = sub_operations(s),
			  .verbs = s->verbs,
			  .type = s->type,
			  .gvk = s->gvk.group ? s->gvk : (struct openapi_gvk){k->group, k->version, k->kind},
			  .answer_media = s->answer_media,
			  .one = true};

	openapi_add_capital(&suffix, name);
	p.suffix = str_text(&suffix);
	add_path(d, path, &p, s->query);
	if (s->connects && has(s->verbs, "proxy")) {
		str_add(&suffix, "WithPath");
		p.suffix = str_text(&suffix);
		add_path(d, below, &p, "path... path");
	}
}

void openapi_add_paths(struct openapi_document *d, const struct kind *k)
{
	AUTO_FREE char *gv = openapi_path(k->group, k->version);
	AUTO_FREE char *all = xasprintf("/%s/%s", gv, k->plural);
	AUTO_FREE char *collection =
	    xasprintf("/%s%s/%s", gv, k->namespaced ? "/namespaces/{namespace}" : "", k->plural);
	AUTO_FREE char *object = xasprintf("%s/{name}", collection);
	struct place p = {.kind = k, .verbs = k->verbs, .gvk = {k->group, k->version, k->kind}};

	p.operations = on_collection;
	add_path(d, collection, &p, "pretty");
	p.operations = on_all_namespaces;
	p.everywhere = true;
	if (k->namespaced)
		add_path(d, all, &p, "pretty");
	p.operations = on_object;
	p.everywhere = false;
	p.one = true;
	add_path(d, object, &p, "pretty");
	for (size_t i = 0; k->subresources && k->subresources[i]; i++)
		add_subresource(d, k, object, k->subresources[i]);
}
