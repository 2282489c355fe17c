/* Discovery. Purpose: tell clients what is served, in the legacy form (a document a group) and aggregated (v2, all in
 * one). Happy path: documents are built from the catalog when first asked for and kept. Unknown groups give 404. */
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "cp/api/api_internal.h"
#include "cp/api/apiservice.h"
#include "cp/api/catalog.h"
#include "cp/api/encode.h"

static json_t *words(const char *text)
{
	AUTO_STRV char **v = str_split(text, ' ');
	return json_texts((char *const *)v);
}

static void add_strings(json_t *o, const char *key, const char *const *v)
{
	if (v && v[0])
		json_object_set_new(o, key, json_texts((char *const *)v));
}

static json_t *legacy_resource(const struct kind *k)
{
	json_t *r = json_object();
	json_object_set_new(r, "name", json_string(k->plural));
	json_object_set_new(r, "singularName", json_string(k->singular));
	json_object_set_new(r, "namespaced", json_boolean(k->namespaced));
	json_object_set_new(r, "kind", json_string(k->kind));
	json_object_set_new(r, "verbs", json_texts((char *const *)k->verbs));
	add_strings(r, "shortNames", k->short_names);
	add_strings(r, "categories", k->categories);
	if (!str_empty(k->storage_version_hash))
		json_object_set_new(r, "storageVersionHash", json_string(k->storage_version_hash));
	return r;
}

static json_t *legacy_sub(const struct kind *k, const char *sub)
{
	struct sub_info info = catalog_sub(k, sub);
	AUTO_FREE char *name = xasprintf("%s/%s", k->plural, sub);
	json_t *r = json_object();
	json_object_set_new(r, "name", json_string(name));
	json_object_set_new(r, "singularName", json_string(""));
	json_object_set_new(r, "namespaced", json_boolean(k->namespaced));
	if (info.group) {
		json_object_set_new(r, "group", json_string(info.group));
		json_object_set_new(r, "version", json_string(info.version));
	}
	json_object_set_new(r, "kind", json_string(info.kind));
	json_object_set_new(r, "verbs", words(info.verbs));
	return r;
}

/* The APIResourceList of a group and version; NULL when there is none. */
static json_t *resource_list(const struct schema *s, const char *group, const char *version)
{
	const struct kind **kinds = catalog_kinds(s, group, version);
	json_t *resources = json_array();
	for (size_t i = 0; kinds[i]; i++) {
		json_array_append_new(resources, legacy_resource(kinds[i]));
		for (size_t j = 0; kinds[i]->subresources && kinds[i]->subresources[j]; j++)
			json_array_append_new(resources, legacy_sub(kinds[i], kinds[i]->subresources[j]));
	}
	bool any = kinds[0] != NULL;
	free(kinds);
	if (!any) {
		json_decref(resources);
		return NULL;
	}
	AUTO_FREE char *gv = *group ? xasprintf("%s/%s", group, version) : xstrdup(version);
	json_t *o = json_object();
	json_object_set_new(o, "kind", json_string("APIResourceList"));
	if (*group)
		json_object_set_new(o, "apiVersion", json_string("v1"));
	json_object_set_new(o, "groupVersion", json_string(gv));
	json_object_set_new(o, "resources", resources);
	return o;
}

static json_t *group_version(const char *group, const char *version)
{
	AUTO_FREE char *gv = xasprintf("%s/%s", group, version);
	return json_pack("{s:s,s:s}", "groupVersion", gv, "version", version);
}

static json_t *group_object(const struct schema *s, const char *group, bool typed)
{
	AUTO_STRV char **versions = catalog_versions(s, group);
	if (!versions)
		return NULL;
	json_t *o = json_object(), *list = json_array();
	if (typed) {
		json_object_set_new(o, "kind", json_string("APIGroup"));
		json_object_set_new(o, "apiVersion", json_string("v1"));
	}
	for (size_t i = 0; versions[i]; i++)
		json_array_append_new(list, group_version(group, versions[i]));
	json_object_set_new(o, "name", json_string(group));
	json_object_set_new(o, "versions", list);
	json_object_set_new(o, "preferredVersion", group_version(group, versions[0]));
	return o;
}

/* Versions of a group that extension servers have beside ours. Whether there are any. */
static bool add_remote_versions(const struct api *a, const char *group, json_t *versions)
{
	struct apiservice *v;
	bool any = false;
	for (size_t i = 0; (v = apiservices_nth(a->apiservices, i)); i++) {
		if (strcmp(v->group, group) != 0)
			continue;
		any = true;
		json_array_append_new(versions, group_version(group, v->version));
	}
	return any;
}

static json_t *remote_group(const struct api *a, const char *group, bool typed)
{
	json_t *versions = json_array(), *o = json_object();
	if (!add_remote_versions(a, group, versions)) {
		json_decref(versions);
		json_decref(o);
		return NULL;
	}
	if (typed) {
		json_object_set_new(o, "kind", json_string("APIGroup"));
		json_object_set_new(o, "apiVersion", json_string("v1"));
	}
	json_object_set_new(o, "name", json_string(group));
	json_object_set_new(o, "versions", versions);
	json_object_set(o, "preferredVersion", json_array_get(versions, 0));
	return o;
}

static json_t *group_of(const struct api *a, const char *group, bool typed)
{
	json_t *o = group_object(a->schema, group, typed);
	if (!o)
		return remote_group(a, group, typed);
	add_remote_versions(a, group, json_object_get(o, "versions"));
	return o;
}

/* The groups that nobody has but extension servers, each once. Owned vector. */
static char **remote_groups(const struct api *a)
{
	AUTO_STRV char **own = catalog_groups(a->schema);
	char **v = NULL;
	struct apiservice *s;
	for (size_t i = 0; (s = apiservices_nth(a->apiservices, i)); i++)
		if (!strv_has(own, s->group) && !strv_has(v, s->group))
			strv_add(&v, s->group);
	return v;
}

/* All groups in the order of their priority: ours, those of extension servers, those of definitions. Owned. */
static char **all_groups(const struct api *a)
{
	AUTO_STRV char **own = catalog_groups(a->schema), **remote = remote_groups(a);
	char **v = NULL;
	for (size_t i = 0; own && own[i]; i++)
		if (catalog_is_built_in(own[i]))
			strv_add(&v, own[i]);
	for (size_t i = 0; remote && remote[i]; i++)
		strv_add(&v, remote[i]);
	for (size_t i = 0; own && own[i]; i++)
		if (!catalog_is_built_in(own[i]))
			strv_add(&v, own[i]);
	return v;
}

static json_t *group_list(const struct api *a)
{
	AUTO_STRV char **groups = all_groups(a);
	json_t *list = json_array();
	for (size_t i = 0; groups && groups[i]; i++)
		json_array_append_new(list, group_of(a, groups[i], false));
	return json_pack("{s:s,s:s,s:o}", "kind", "APIGroupList", "apiVersion", "v1", "groups", list);
}

static json_t *api_versions(const struct api *a)
{
	AUTO_FREE char *address =
	    xasprintf(strchr(a->advertise_address, ':') ? "[%s]:%u" : "%s:%u", a->advertise_address, a->secure_port);
	return json_pack("{s:s,s:[s],s:[{s:s,s:s}]}", "kind", "APIVersions", "versions", "v1",
			 "serverAddressByClientCIDRs", "clientCIDR", "0.0.0.0/0", "serverAddress", address);
}

static json_t *response_kind(const char *group, const char *version, const char *kind)
{
	return json_pack("{s:s,s:s,s:s}", "group", group ? group : "", "version", version ? version : "", "kind", kind);
}

static json_t *aggregated_resource(const struct kind *k)
{
	json_t *r = json_object();
	json_object_set_new(r, "resource", json_string(k->plural));
	json_object_set_new(r, "responseKind",
			    response_kind(k->custom ? k->group : "", k->custom ? k->version : "", k->kind));
	json_object_set_new(r, "scope", json_string(k->namespaced ? "Namespaced" : "Cluster"));
	json_object_set_new(r, "singularResource", json_string(k->singular));
	json_object_set_new(r, "verbs", json_texts((char *const *)k->verbs));
	add_strings(r, "shortNames", k->short_names);
	add_strings(r, "categories", k->categories);
	for (size_t i = 0; k->subresources && k->subresources[i]; i++) {
		struct sub_info info = catalog_sub(k, k->subresources[i]);
		json_t *sub = json_pack("{s:s,s:o,s:o}", "subresource", k->subresources[i], "responseKind",
					response_kind(info.group ? info.group : k->custom ? k->group : NULL,
						      info.version ? info.version : k->custom ? k->version : NULL, info.kind),
					"verbs", words(info.verbs));
		json_array_append_new(json_array_at(r, "subresources"), sub);
	}
	return r;
}

static json_t *aggregated_group(const struct api *a, const char *group)
{
	const struct schema *s = a->schema;
	struct apiservice *remote;
	AUTO_STRV char **versions = catalog_versions(s, group);
	json_t *list = json_array(), *meta = json_object();
	for (size_t i = 0; versions && versions[i]; i++) {
		const struct kind **kinds = catalog_kinds(s, group, versions[i]);
		json_t *resources = json_array();
		for (size_t j = 0; kinds[j]; j++)
			json_array_append_new(resources, aggregated_resource(kinds[j]));
		free(kinds);
		json_array_append_new(list, json_pack("{s:s,s:o,s:s}", "version", versions[i], "resources", resources,
						      "freshness", "Current"));
	}
	for (size_t i = 0; (remote = apiservices_nth(a->apiservices, i)); i++)
		if (strcmp(remote->group, group) == 0)
			json_array_append_new(list, json_pack("{s:s,s:o,s:s}", "version", remote->version, "resources",
							      apiservice_discovery(remote), "freshness",
							      remote->available ? "Current" : "Stale"));
	if (*group)
		json_object_set_new(meta, "name", json_string(group));
	return json_pack("{s:o,s:o}", "metadata", meta, "versions", list);
}

static json_t *aggregated(const struct api *a, bool core)
{
	json_t *items = json_array();
	AUTO_STRV char **groups = core ? NULL : all_groups(a);
	if (core)
		json_array_append_new(items, aggregated_group(a, ""));
	for (size_t i = 0; groups && groups[i]; i++)
		json_array_append_new(items, aggregated_group(a, groups[i]));
	return json_pack("{s:s,s:s,s:{},s:o}", "kind", "APIGroupDiscoveryList", "apiVersion", "apidiscovery.k8s.io/v2",
			 "metadata", "items", items);
}

/* The document of a path, without looking at what is kept; NULL when there is none. */
static json_t *build(const struct req *q, bool is_core, const char *group, const char *version)
{
	const struct schema *s = q->api->schema;
	bool whole = q->answer.form == FORM_DISCOVERY;
	if (is_core && *version)
		return resource_list(s, "", version);
	if (is_core)
		return whole ? aggregated(q->api, true) : api_versions(q->api);
	if (*version)
		return resource_list(s, group, version);
	if (*group)
		return group_of(q->api, group, true);
	return whole ? aggregated(q->api, false) : group_list(q->api);
}

/* Owned. */
static char *entity_tag(const struct buf *b)
{
	unsigned char digest[SHA256_DIGEST_LENGTH];
	AUTO_STR tag = STR_INIT;
	SHA256((const unsigned char *)b->data, b->len, digest);
	str_addc(&tag, '"');
	for (size_t i = 0; i < sizeof(digest); i++)
		str_addf(&tag, "%02X", digest[i]);
	str_addc(&tag, '"');
	return str_take(&tag);
}

/* The aggregated form is what clients keep and ask for again by its tag. */
static void reply_document(struct req *q, struct buf *kept)
{
	AUTO_BUF *b = buf_ref(kept), *none = buf_new("", 0);
	if (q->answer.form == FORM_DISCOVERY)
		q->etag = entity_tag(b);
	if (q->etag && q->x && str_eq(http_header_get(q->x, "if-none-match"), q->etag))
		reply_buf(q, 304, none);
	else
		reply_buf(q, 200, b);
}

bool discovery_run(struct req *q)
{
	const struct route *r = &q->route;
	bool is_core = strcmp(r->prefix, "api") == 0;
	/* In the core's paths the first word is the version. */
	if (!*r->prefix || r->is_deprecated_watch)
		return false;
	if (strcmp(q->method, "GET") != 0) {
		reply_status(q, status_method_not_allowed());
		return true;
	}
	bool root = is_core ? !*r->version : !*r->group;
	const char *accept = q->x ? http_header_get(q->x, "accept") : NULL;
	if (negotiate_accept(accept, false, root, &q->answer) < 0) {
		reply_status(q, status_not_acceptable());
		return true;
	}
	AUTO_FREE char *key =
	    xasprintf("%s %s %s %d", r->prefix, r->group, r->version, q->answer.form == FORM_DISCOVERY);
	struct buf *b = map_get(q->api->documents, key);
	if (!b) {
		AUTO_JSON *document = build(q, is_core, r->group, r->version);
		if (!document)
			return false;
		AUTO_FREE char *text = json_text(document);
		b = buf_new(text, strlen(text));
		map_set(q->api->documents, key, b);
	}
	reply_document(q, b);
	return true;
}
