/* A definition as kinds and resources. Purpose: custom resources take the same way as built-in ones. Happy path: each
 * version gets its schema, its kind and its resource; the one that is stored is the form of the bytes. Nothing fails:
 * definitions were validated when they were written. What always holds: everything in a struct custom lives until the
 * last reference has gone. */
#include "cp/api/custom.h"

#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "api/version.h"
#include "base/json.h"
#include "base/mem.h"
#include "cp/kinds/table_custom.h"
#include "cp/schema/rules.h"

static const char *const verbs[] = {"delete", "deletecollection", "get", "list", "patch", "create", "update", "watch", NULL};
static const char *const sub_none[] = {NULL}, *const sub_status[] = {"status", NULL}, *const sub_scale[] = {"scale", NULL},
			 *const sub_both[] = {"status", "scale", NULL};

/* Keeps a text for the kinds. Takes it. */
static const char *keep(struct custom *c, char *text)
{
	strv_add(&c->texts, text);
	free(text);
	return c->texts[strv_len(c->texts) - 1];
}

/* A NULL-terminated vector of borrowed texts; freed with the kind. */
static const char *const *words(const json_t *list)
{
	const char **v = xcalloc(json_array_size(list) + 1, sizeof(*v));
	size_t i, n = 0;
	json_t *s;
	json_array_foreach(list, i, s) if (json_is_string(s)) v[n++] = json_string_value(s);
	return v;
}

static const char *const *subresources(const json_t *version)
{
	bool status = json_at(version, "subresources.status") != NULL, scale = json_at(version, "subresources.scale") != NULL;
	return status && scale ? sub_both : status ? sub_status : scale ? sub_scale : sub_none;
}

static char *storage_hash(const char *group, const char *version, const char *kind)
{
	AUTO_FREE char *gvk = xasprintf("%s/%s/%s", group, version, kind);
	unsigned char digest[SHA256_DIGEST_LENGTH];
	struct str out = STR_INIT;
	SHA256((const unsigned char *)gvk, strlen(gvk), digest);
	base64_encode(&out, digest, 8);
	return str_take(&out);
}

/* "com.example.v1.Widget": the group's labels backwards, version and kind. */
static char *published_name(const char *group, const char *version, const char *kind)
{
	AUTO_STRV char **labels = str_split(group, '.');
	struct str out = STR_INIT;
	for (size_t i = strv_len(labels); i-- > 0;)
		str_addf(&out, "%s.", labels[i]);
	str_addf(&out, "%s.%s", version, kind);
	return str_take(&out);
}

static const char *const *field_labels(const json_t *version)
{
	json_t *fields = json_object_get(version, "selectableFields"), *f;
	const char **v = xcalloc(json_array_size(fields) + 3, sizeof(*v));
	size_t i, n = 0;
	v[n++] = "metadata.name";
	v[n++] = "metadata.namespace";
	json_array_foreach(fields, i, f)
	{
		const char *path = json_str_or(f, "jsonPath", "");
		v[n++] = path + (*path == '.');
	}
	return v;
}

static const char *text_or_null(const json_t *o, const char *path)
{
	const char *s = json_str_at(o, path);
	return str_empty(s) ? NULL : s;
}

/* GA before beta before alpha: the version that a deprecated one's users are led to. */
static const char *successor(const struct custom *c, const struct kind *k)
{
	const char *best = NULL;
	size_t i;
	json_t *v;
	json_array_foreach(json_at(c->crd, "spec.versions"), i, v)
	{
		const char *name = json_str_or(v, "name", "");
		if (json_bool_at(v, "served", false) && !json_bool_at(v, "deprecated", false) &&
		    (!best || version_compare(name, best) < 0))
			best = name;
	}
	return best && version_compare(best, k->version) < 0 ? best : NULL;
}

static const char *warning(struct custom *c, const json_t *version, const struct kind *k)
{
	const char *own = json_member(version, "deprecationWarning"), *next;
	if (!json_bool_at(version, "deprecated", false))
		return NULL;
	if (own)
		return own;
	next = successor(c, k);
	return keep(c, next ? xasprintf("%s/%s %s is deprecated; use %s/%s %s", k->group, k->version, k->kind, k->group,
					next, k->kind)
			    : xasprintf("%s/%s %s is deprecated", k->group, k->version, k->kind));
}

static void make_kind(struct custom *c, struct custom_version *v, const json_t *version, const char *prefix)
{
	const json_t *names = json_at(c->crd, "status.acceptedNames");
	const char *kind = json_str_or(names, "kind", ""), *name = json_str_or(version, "name", "");
	v->kind = (struct kind){
	    .group = c->group,
	    .version = name,
	    .kind = kind,
	    .list_kind = json_str_or(names, "listKind", ""),
	    .plural = c->plural,
	    .singular = json_str_or(names, "singular", ""),
	    .short_names = words(json_object_get(names, "shortNames")),
	    .categories = words(json_object_get(names, "categories")),
	    .verbs = verbs,
	    .subresources = subresources(version),
	    .namespaced = strcmp(json_str_or(c->crd, "spec.scope", ""), "Namespaced") == 0,
	    .storage_prefix = prefix,
	    .field_labels = field_labels(version),
	    .name_format = "dns-subdomain",
	    .counts_generation = true,
	    .type = crd_schema_type(v->schema),
	    .custom = &v->details,
	};
	v->kind.field_paths = v->kind.field_labels;
}

static void make_details(struct custom *c, struct custom_version *v, const json_t *version)
{
	v->table = custom_table_new(json_object_get(version, "additionalPrinterColumns"));
	v->details = (struct custom_kind){
	    .rules = crd_schema_rules(v->schema),
	    .table = v->table,
	    .replicas = text_or_null(version, "subresources.scale.specReplicasPath"),
	    .status_replicas = text_or_null(version, "subresources.scale.statusReplicasPath"),
	    .selector = text_or_null(version, "subresources.scale.labelSelectorPath"),
	    .warning = warning(c, version, &v->kind),
	    .expressions = rules_have_expressions(crd_schema_rules(v->schema)),
	    .has_status = json_at(version, "subresources.status") != NULL,
	};
}

static void make_version(struct api *a, struct custom *c, struct custom_version *v, const json_t *version,
			 const char *prefix)
{
	const char *name = json_str_or(version, "name", ""), *kind = json_str_or(c->crd, "status.acceptedNames.kind", "");
	AUTO_FREE char *published = published_name(c->group, name, kind);
	v->schema = crd_schema_new(a->schema, json_at(version, "schema.openAPIV3Schema"),
				   json_bool_at(c->crd, "spec.preserveUnknownFields", false), published);
	v->served = json_bool_at(version, "served", false);
	v->storage = json_bool_at(version, "storage", false);
	make_kind(c, v, version, prefix);
	make_details(c, v, version);
	v->prefix = xasprintf("{\"apiVersion\":\"%s/%s\",\"kind\":\"%s\",", c->group, name, kind);
	if (v->storage)
		c->stored = v;
}

static void finish_resources(struct api *a, struct custom *c, const char *prefix)
{
	struct bucket *b = cache_add_bucket(a->cache, &(struct bucket_config){.prefix = prefix,
									     .namespaced = c->stored->kind.namespaced,
									     .any_field = true});
	const char *hash = keep(c, storage_hash(c->group, c->stored->kind.version, c->stored->kind.kind));
	if (!bucket_len(b))
		bucket_rescope(b, c->stored->kind.namespaced);
	for (size_t i = 0; i < c->n; i++) {
		c->v[i].kind.storage_version_hash = hash;
		c->v[i].resource = (struct resource){.kind = &c->v[i].kind,
						     .stored = &c->stored->kind,
						     .ops = kind_ops_find(&c->v[i].kind),
						     .bucket = b,
						     .lead = (char *)"",
						     .custom = c};
	}
}

struct custom *custom_new(struct api *a, const json_t *crd, uint64_t since)
{
	struct custom *c = xcalloc(1, sizeof(*c));
	const json_t *versions;
	size_t i;
	json_t *version;
	c->refs = 1;
	c->crd = json_clone(crd);
	c->since = since;
	c->group = json_str_or(c->crd, "spec.group", "");
	c->plural = json_str_or(c->crd, "status.acceptedNames.plural", "");
	c->terminating = json_at(c->crd, "metadata.deletionTimestamp") != NULL;
	c->webhook = strcmp(json_str_or(c->crd, "spec.conversion.strategy", ""), "Webhook") == 0;
	versions = json_at(c->crd, "spec.versions");
	c->v = xcalloc(json_array_size(versions) + 1, sizeof(*c->v));
	AUTO_FREE char *prefix = xasprintf("/registry/%s/%s/", c->group, c->plural);
	json_array_foreach(versions, i, version)
	{
		AUTO_FREE char *own = xstrdup(prefix);
		make_version(a, c, &c->v[c->n++], version, keep(c, TAKE(own)));
	}
	if (c->stored)
		finish_resources(a, c, prefix);
	return c;
}

struct custom *custom_ref(struct custom *c)
{
	c->refs++;
	return c;
}

void custom_unref(struct custom *c)
{
	if (!c || --c->refs)
		return;
	for (size_t i = 0; i < c->n; i++) {
		crd_schema_free(c->v[i].schema);
		custom_table_free(c->v[i].table);
		free((void *)c->v[i].kind.short_names);
		free((void *)c->v[i].kind.categories);
		free((void *)c->v[i].kind.field_labels);
		free(c->v[i].prefix);
	}
	free(c->v);
	json_decref(c->crd);
	free_strv(&c->texts);
	map_free(c->converted);
	free(c);
}

/* --- versions ----------------------------------------------------------------------------------------------------- */

static struct custom_version *version_of(const struct resource *res)
{
	return CONTAINER_OF(res, struct custom_version, resource);
}

static void set_version(json_t *object, const struct kind *k)
{
	AUTO_FREE char *api = xasprintf("%s/%s", k->group, k->version);
	json_object_set_new(object, "apiVersion", json_string(api));
	json_object_set_new(object, "kind", json_string(k->kind));
}

bool custom_is_in_version(const struct resource *res, const struct buf *json)
{
	const char *prefix = version_of(res)->prefix;
	size_t n = strlen(prefix);
	return json->len >= n && memcmp(json->data, prefix, n) == 0;
}

bool custom_is_plain(const struct resource *res, const struct buf *json, uint64_t rev)
{
	return rev >= res->custom->since && custom_is_in_version(res, json);
}

/* Requests wait for the webhook before they look: what is not there now has changed meanwhile, and is refused by those
 * who ask custom_is_ready(). */
static void show_converted(const struct resource *res, json_t *object, uint64_t rev)
{
	const json_t *converted = custom_converted(res, json_str_or(object, "metadata.uid", ""), rev);
	if (!converted)
		return;
	AUTO_JSON *copy = json_clone(converted);
	json_object_clear(object);
	json_object_update(object, copy);
	char text[24];
	snprintf(text, sizeof(text), "%llu", (unsigned long long)rev);
	json_set_str(object, "metadata.resourceVersion", text);
}

/* What was stored by an older schema is pruned and gets its defaults by the newest. */
void custom_show(const struct resource *res, json_t *object, uint64_t rev)
{
	const struct kind *stored = res->stored;
	if (custom_reads_by_webhook(res)) {
		AUTO_FREE char *own = xasprintf("%s/%s", res->kind->group, res->kind->version);
		if (!str_eq(json_str_at(object, "apiVersion"), own)) {
			show_converted(res, object, rev);
			return;
		}
		stored = res->kind; /* it was written in this version */
	}
	if (rev < res->custom->since) {
		set_version(object, stored);
		(void)schema_decode(stored, object, NULL, NULL);
		schema_default(stored, object);
	}
	set_version(object, res->kind);
	if (res->kind != stored)
		(void)schema_decode(res->kind, object, NULL, NULL);
}

void custom_store(const struct resource *res, json_t *object)
{
	if (res->kind == res->stored)
		return;
	set_version(object, res->stored);
	(void)schema_decode(res->stored, object, NULL, NULL);
}
