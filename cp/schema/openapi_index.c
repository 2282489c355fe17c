/* The paths that lead to resources, as OpenAPI paths: versions, groups, the resources of a group and version, and what the
 * server tells of itself.
 *
 * Happy path: a table of the pages that every server has; groups and their versions by the kinds. Those of custom
 * resources are not told of, as everywhere. Nothing fails. */
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "cp/schema/openapi_internal.h"

#define OBJECT_MEDIA "application/json application/yaml"

/* type NULL: a text. */
struct page {
	const char *path, *id, *tag, *type, *media;
};

static const struct page pages[] = {
    {".well-known/openid-configuration", "getServiceAccountIssuerOpenIDConfiguration", "WellKnown", NULL, "application/json"},
    {"api", "getCoreAPIVersions", "core", "meta.v1.APIVersions", OBJECT_MEDIA},
    {"apis", "getAPIVersions", "apis", "meta.v1.APIGroupList", OBJECT_MEDIA},
    {"openid/v1/jwks", "getServiceAccountIssuerOpenIDKeyset", "openid", NULL, "application/jwk-set+json"},
    {"version", "getCodeVersion", "version", "version.Info", "application/json"},
};

static void add_page(struct openapi_document *d, const struct page *p)
{
	AUTO_FREE char *path = xasprintf("/%s/", p->path);
	AUTO_JSON *schema = p->type ? openapi_named_ref(d, p->type) : json_pack("{s:s}", "type", "string");
	json_t *o = json_pack("{s:[s],s:s}", "tags", p->tag, "operationId", p->id);

	d->dialect->add_response(o, "200", "OK", schema, p->media);
	d->dialect->add_response(o, "401", "Unauthorized", NULL, NULL);
	d->dialect->add_media_types(o, p->media, p->media);
	json_object_set_new(d->paths, path, json_pack("{s:o}", "get", o));
}

/* The resources of a group and version; of the group itself, version "". */
static void add_group(struct openapi_document *d, const char *group, const char *version)
{
	AUTO_FREE char *word = openapi_group_word(group);
	AUTO_STR id = STR_INIT;
	AUTO_FREE char *path = *version ? openapi_path(group, version) : xasprintf("apis/%s", group);
	AUTO_FREE char *tag = *version ? xasprintf("%s_%s", word, version) : xstrdup(word);

	str_add(&id, "get");
	openapi_add_capital(&id, word);
	if (*version)
		openapi_add_capital(&id, version);
	str_add(&id, *version ? "APIResources" : "APIGroup");
	add_page(d, &(struct page){path, str_text(&id), tag, *version ? "meta.v1.APIResourceList" : "meta.v1.APIGroup",
				   OBJECT_MEDIA});
}

bool openapi_add_resources_page(struct openapi_document *d, const char *group, const char *version)
{
	const struct kind *k;

	for (size_t i = 0; (k = schema_kind_nth(d->schema, i)); i++) {
		if (k->custom || strcmp(k->group, group) != 0 || (*version && strcmp(k->version, version) != 0))
			continue;
		add_group(d, group, version);
		return true;
	}
	return false;
}

bool openapi_add_page(struct openapi_document *d, const char *path)
{
	for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
		if (strcmp(pages[i].path, path) == 0) {
			add_page(d, &pages[i]);
			return true;
		}
	}
	return str_has_prefix(path, "apis/") && path[strlen("apis/")] &&
	       openapi_add_resources_page(d, path + strlen("apis/"), "");
}

const char *openapi_page_nth(size_t n)
{
	return n < ARRAY_LEN(pages) ? pages[n].path : NULL;
}

void openapi_add_pages(struct openapi_document *d)
{
	const struct kind *k;

	for (size_t i = 0; i < ARRAY_LEN(pages); i++)
		add_page(d, &pages[i]);
	for (size_t i = 0; (k = schema_kind_nth(d->schema, i)); i++) {
		if (k->custom)
			continue;
		if (*k->group)
			add_group(d, k->group, "");
		add_group(d, k->group, k->version);
	}
}
