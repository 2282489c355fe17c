/* Publishing OpenAPI. Purpose: /openapi/v3 (an index and a document a group and version, kept by the hash of its content)
 * and /openapi/v2 (one document). Happy path: built from the schema when first asked for, then kept. Older clients that
 * accept nothing but the protobuf encoding of v2 get 406. */
#include "cp/api/openapi.h"

#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "cp/api/api_internal.h"
#include "cp/api/catalog.h"

json_t *openapi_document(const struct schema *s, const char *group, const char *version, enum openapi_version v)
{
	json_t *definitions = json_object(), *paths = json_object(), *info = json_pack("{s:s,s:s}", "title", "Kubernetes", "version",
										       "v1.36.0+knarr");
	const struct kind *k;
	size_t found = 0;
	for (size_t i = 0; (k = schema_kind_nth(s, i)); i++) {
		if (group && (strcmp(k->group, group) != 0 || strcmp(k->version, version) != 0))
			continue;
		found++;
		if (k->type && k->type->name)
			openapi_add_type(definitions, s, k->type, v);
		openapi_add_paths(paths, k, v);
	}
	if (!found) {
		json_decref(definitions);
		json_decref(paths);
		json_decref(info);
		return NULL;
	}
	if (v == OPENAPI_V2)
		return json_pack("{s:s,s:o,s:o,s:o,s:{},s:{},s:[]}", "swagger", "2.0", "info", info, "paths", paths, "definitions", definitions,
				 "parameters", "securityDefinitions", "security");
	return json_pack("{s:s,s:o,s:o,s:{s:o}}", "openapi", "3.0.0", "info", info, "paths", paths, "components", "schemas", definitions);
}

static void hash_text(const struct buf *b, char ret[2 * SHA256_DIGEST_LENGTH + 1])
{
	unsigned char digest[SHA256_DIGEST_LENGTH];
	SHA256((const unsigned char *)b->data, b->len, digest);
	for (size_t i = 0; i < sizeof(digest); i++)
		sprintf(ret + 2 * i, "%02X", digest[i]);
}

/* "api/v1" or "apis/apps/v1". */
static char *gv_path(const char *group, const char *version)
{
	return *group ? xasprintf("apis/%s/%s", group, version) : xasprintf("api/%s", version);
}

/* The kept document; NULL when there is none. group NULL: version 2. */
static struct buf *document(struct api *a, const char *group, const char *version)
{
	AUTO_FREE char *path = group ? gv_path(group, version) : xstrdup("v2");
	AUTO_FREE char *key = xasprintf("openapi %s", path);
	struct buf *b = map_get(a->documents, key);
	if (b)
		return b;
	AUTO_JSON *j = openapi_document(a->schema, group, version, group ? OPENAPI_V3 : OPENAPI_V2);
	if (!j)
		return NULL;
	AUTO_FREE char *text = json_text(j);
	b = buf_new(text, strlen(text));
	map_set(a->documents, key, b);
	return b;
}

static void add_index(json_t *paths, struct api *a, const char *group)
{
	AUTO_STRV char **versions = catalog_versions(a->schema, group);
	for (size_t i = 0; versions && versions[i]; i++) {
		struct buf *b = document(a, group, versions[i]);
		char hash[2 * SHA256_DIGEST_LENGTH + 1];
		if (!b)
			continue;
		hash_text(b, hash);
		AUTO_FREE char *path = gv_path(group, versions[i]);
		AUTO_FREE char *url = xasprintf("/openapi/v3/%s?hash=%s", path, hash);
		json_object_set_new(paths, path, json_pack("{s:s}", "serverRelativeURL", url));
	}
}

static json_t *index_v3(struct api *a)
{
	json_t *paths = json_object();
	AUTO_STRV char **groups = catalog_groups(a->schema);
	add_index(paths, a, "");
	for (size_t i = 0; groups && groups[i]; i++)
		add_index(paths, a, groups[i]);
	return json_pack("{s:o}", "paths", paths);
}

static void run_v3(struct req *q, const char *rest)
{
	AUTO_STRV char **parts = str_split(rest, '/');
	size_t n = strv_len(parts);
	struct buf *b = NULL;
	if (n == 2 && strcmp(parts[0], "api") == 0)
		b = document(q->api, "", parts[1]);
	else if (n == 3 && strcmp(parts[0], "apis") == 0)
		b = document(q->api, parts[1], parts[2]);
	if (!b) {
		reply_text(q, 404, "");
		return;
	}
	b = buf_ref(b);
	reply_buf(q, 200, b);
	buf_unref(b);
}

/* The v2 document's own media types: JSON is asked for as such or as anything; protobuf alone cannot be served. */
static bool accepts_json(const struct req *q)
{
	const char *accept = q->x ? http_header_get(q->x, "accept") : NULL;
	return str_empty(accept) || strstr(accept, "json") || strstr(accept, "*/*");
}

bool openapi_run(struct req *q)
{
	static const char v2[] = "/openapi/v2", v3[] = "/openapi/v3";
	const char *path = q->route.path;
	bool is_v2 = strcmp(path, v2) == 0, is_v3 = strncmp(path, v3, strlen(v3)) == 0 && (!path[strlen(v3)] || path[strlen(v3)] == '/');
	if (!is_v2 && !is_v3)
		return false;
	if (strcmp(q->method, "GET") != 0) {
		reply_status(q, status_method_not_allowed());
	} else if (is_v2 && !accepts_json(q)) {
		reply_status(q, status_not_acceptable());
	} else if (is_v2) {
		struct buf *b = document(q->api, NULL, NULL);
		reply_buf(q, 200, buf_ref(b));
		buf_unref(b);
	} else if (path[strlen(v3)] && path[strlen(v3) + 1]) {
		run_v3(q, path + strlen(v3) + 1);
	} else {
		AUTO_JSON *index = index_v3(q->api);
		AUTO_FREE char *text = json_text(index);
		reply_text(q, 200, text);
	}
	return true;
}
