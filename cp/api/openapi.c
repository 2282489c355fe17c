/* Publishing OpenAPI. Purpose: /openapi/v3 (an index, and a document of each group and version, addressed by the hash
 * of its content) and /openapi/v2 (one document), as JSON or protocol buffers. Happy path: made from the schema when
 * first asked for; kept compressed, which is how clients take it. Unknown groups give 404, media types that nobody here
 * speaks 406. What always holds: a document's bytes and hash never change while the server runs. */
#include <limits.h>
#include <malloc.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <zlib.h>

#include "base/json.h"
#include "base/mem.h"
#include "cp/api/api_internal.h"
#include "cp/api/apiservice.h"
#include "cp/api/audit.h"
#include "cp/api/catalog.h"
#include "cp/schema/openapi.h"

#define GZIP_HEADER 16 /* added to zlib's window bits */
#define YEAR_S (365 * 24 * 3600)

/* --- media types -------------------------------------------------------------------------------------------------- */

enum encoding { ENCODING_JSON, ENCODING_PROTO, ENCODINGS };

/* Clients ask with @ or without; what is answered has none, for it is no letter of media types (RFC 9110, 5.6.2). */
static const struct media {
	const char *asked, *answered;
	enum encoding encoding;
	bool v2, v3;
} media[] = {
    {"application/json", "application/json", ENCODING_JSON, true, true},
    {"application/com.github.proto-openapi.spec.v2@v1.0+protobuf",
     "application/com.github.proto-openapi.spec.v2.v1.0+protobuf", ENCODING_PROTO, true, false},
    {"application/com.github.proto-openapi.spec.v2.v1.0+protobuf",
     "application/com.github.proto-openapi.spec.v2.v1.0+protobuf", ENCODING_PROTO, true, false},
    {"application/com.github.proto-openapi.spec.v3@v1.0+protobuf",
     "application/com.github.proto-openapi.spec.v3.v1.0+protobuf", ENCODING_PROTO, false, true},
    {"application/com.github.proto-openapi.spec.v3.v1.0+protobuf",
     "application/com.github.proto-openapi.spec.v3.v1.0+protobuf", ENCODING_PROTO, false, true},
};

static const struct media *media_of(const char *name, bool is_v2)
{
	if (strcmp(name, "*/*") == 0 || strcmp(name, "application/*") == 0)
		return &media[0];
	for (size_t i = 0; i < ARRAY_LEN(media); i++)
		if (strcasecmp(media[i].asked, name) == 0 && (is_v2 ? media[i].v2 : media[i].v3))
			return &media[i];
	return NULL;
}

/* The first clause of the highest q that can be served; NULL when none can. */
static const struct media *negotiate(const char *accept, bool is_v2)
{
	const struct media *best = NULL;
	double best_q = 0;
	char *save = NULL;
	if (str_empty(accept))
		return &media[0];
	AUTO_FREE char *text = xstrdup(accept);
	for (char *clause = strtok_r(text, ",", &save); clause; clause = strtok_r(NULL, ",", &save)) {
		const char *q = strstr(clause, "q=");
		double value = q ? strtod(q + 2, NULL) : 1;
		clause += strspn(clause, " \t");
		clause[strcspn(clause, "; \t")] = '\0';
		const struct media *m = media_of(clause, is_v2);
		if (m && value > best_q) {
			best = m;
			best_q = value;
		}
	}
	return best;
}

/* --- documents ---------------------------------------------------------------------------------------------------- */

/* path NULL: version 2 of everything; else that of version 3: "api/v1", "apis/apps/v1", "apis/apps", "version" ... */
struct name {
	const char *path;
};

/* Compresses; zlib fails only for want of memory, which ends the process as it does elsewhere. */
static struct buf *deflate_text(const struct str *text)
{
	z_stream z = {.next_in = (Bytef *)str_text(text), .avail_in = (uInt)text->len};
	if (text->len > UINT_MAX ||
	    deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, MAX_WBITS + GZIP_HEADER, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		abort();
	size_t bound = deflateBound(&z, z.avail_in);
	AUTO_FREE char *out = xmalloc(bound);
	z.next_out = (Bytef *)out;
	z.avail_out = (uInt)bound;
	deflate(&z, Z_FINISH);
	deflateEnd(&z);
	return buf_new(out, bound - z.avail_out);
}

/* The inverse. gzip's last four bytes are the length (RFC 1952, 2.3.1). */
static struct buf *inflate_buf(const struct buf *zipped)
{
	const unsigned char *end = (const unsigned char *)zipped->data + zipped->len - 4;
	size_t n = (size_t)end[0] | (size_t)end[1] << 8 | (size_t)end[2] << 16 | (size_t)end[3] << 24;
	struct buf *b = buf_alloc(n);
	z_stream z = {.next_in = (Bytef *)zipped->data,
		      .avail_in = (uInt)zipped->len,
		      .next_out = (Bytef *)b->data,
		      .avail_out = (uInt)n};
	if (inflateInit2(&z, MAX_WBITS + GZIP_HEADER) != Z_OK)
		abort();
	inflate(&z, Z_FINISH);
	inflateEnd(&z);
	return b;
}

static struct buf *hash_text(const struct str *text)
{
	unsigned char digest[SHA256_DIGEST_LENGTH];
	AUTO_STR hex = STR_INIT;
	SHA256((const unsigned char *)str_text(text), text->len, digest);
	for (size_t i = 0; i < sizeof(digest); i++)
		str_addf(&hex, "%02X", digest[i]);
	return buf_new(hex.p, hex.len);
}

static json_t *build_v3(const struct api *a, const char *path)
{
	AUTO_STRV char **parts = str_split(path, '/');
	size_t n = strv_len(parts);
	if (n == 2 && strcmp(parts[0], "api") == 0)
		return openapi_v3(a->schema, "", parts[1]);
	if (n == 3 && strcmp(parts[0], "apis") == 0 && *parts[1])
		return openapi_v3(a->schema, parts[1], parts[2]);
	return openapi_v3_page(a->schema, path);
}

static json_t *build(const struct api *a, const struct name *n)
{
	if (n->path)
		return build_v3(a, n->path);
	json_t *document = openapi_v2(a->schema);
	apiservices_openapi_merge(a->apiservices, document);
	return document;
}

static char *key_of(const struct name *n, const char *what)
{
	return xasprintf("openapi %s %s", n->path ? n->path : "v2", what);
}

/* Makes and keeps the document in one encoding, and with JSON its hash. False when there is none. */
static bool make(struct api *a, const struct name *n, enum encoding encoding)
{
	AUTO_FREE char *key = key_of(n, encoding == ENCODING_JSON ? "json" : "proto"), *hash_key = key_of(n, "hash");
	AUTO_STR text = STR_INIT;
	json_t *document = build(a, n);
	if (!document)
		return false;
	if (encoding == ENCODING_JSON)
		str_add_jsonv(&text, document);
	else
		(n->path ? openapi_v3_proto : openapi_v2_proto)(document, &text);
	json_decref(document);
	map_set(a->documents, key, deflate_text(&text));
	if (encoding == ENCODING_JSON)
		map_set(a->documents, hash_key, hash_text(&text));
	str_done(&text);
	/* The tree took some megabytes: give them back at once. */
	malloc_trim(0);
	return true;
}

/* Compressed; NULL when there is no such document. Borrowed. */
static struct buf *document(struct api *a, const struct name *n, enum encoding encoding)
{
	AUTO_FREE char *key = key_of(n, encoding == ENCODING_JSON ? "json" : "proto");
	if (!map_has(a->documents, key) && !make(a, n, encoding))
		return NULL;
	return map_get(a->documents, key);
}

static const char *document_hash(struct api *a, const struct name *n)
{
	AUTO_FREE char *key = key_of(n, "hash");
	if (!map_has(a->documents, key) && !make(a, n, ENCODING_JSON))
		return NULL;
	const struct buf *b = map_get(a->documents, key);
	return b->data;
}

/* --- answers ------------------------------------------------------------------------------------------------------ */

static void add_header(struct http_header h[REPLY_HEADERS], const char *name, const char *value)
{
	size_t i = 0;
	while (h[i].name && strcasecmp(h[i].name, name) != 0)
		i++;
	if (i + 1 < REPLY_HEADERS)
		h[i] = (struct http_header){name, value};
}

static void send(struct req *q, int code, struct http_header h[REPLY_HEADERS], struct buf *body)
{
	request_answered(q, code);
	audit_answer(q, code, NULL);
	http_respond_buf(q->x, code, h, body);
	reply_done(q);
}

/* The document under its own hash never changes (RFC 8246); its path without one leads to what is current. */
static void send_document(struct req *q, const struct name *n, const struct media *m)
{
	struct http_header h[REPLY_HEADERS];
	struct tm tm;
	char expires[64];
	time_t next_year = time(NULL) + YEAR_S;
	const char *hash = document_hash(q->api, n), *asked = query_get(&q->query, "hash");
	struct buf *kept = document(q->api, n, m->encoding);
	AUTO_FREE char *etag = xasprintf(m->encoding == ENCODING_JSON ? "\"%s\"" : "\"%s-proto\"", hash);
	AUTO_BUF *empty = buf_new("", 0), *plain = NULL;
	reply_headers(q, m->answered, h);
	add_header(h, "etag", etag);
	add_header(h, "vary", "Accept, Accept-Encoding");
	if (asked && strcmp(asked, hash) == 0) {
		gmtime_r(&next_year, &tm);
		strftime(expires, sizeof(expires), "%a, %d %b %Y %H:%M:%S GMT", &tm);
		add_header(h, "cache-control", "public, immutable");
		add_header(h, "expires", expires);
	}
	if (str_eq(http_header_get(q->x, "if-none-match"), etag)) {
		send(q, 304, h, empty);
	} else if (negotiate_gzip(http_header_get(q->x, "accept-encoding"))) {
		add_header(h, "content-encoding", "gzip");
		send(q, 200, h, kept);
	} else {
		plain = inflate_buf(kept);
		send(q, 200, h, plain);
	}
}

/* An old hash: the client is led to the current one. */
static bool send_redirect(struct req *q, const struct name *n)
{
	struct http_header h[REPLY_HEADERS];
	const char *hash = document_hash(q->api, n), *asked = query_get(&q->query, "hash");
	if (str_empty(asked) || strcmp(asked, hash) == 0)
		return false;
	AUTO_FREE char *location = xasprintf("/openapi/v3/%s?hash=%s", n->path, hash);
	AUTO_BUF *empty = buf_new("", 0);
	reply_headers(q, NULL, h);
	add_header(h, "location", location);
	send(q, 301, h, empty);
	return true;
}

static void run_document(struct req *q, const struct name *n)
{
	const struct media *m = q->x ? negotiate(http_header_get(q->x, "accept"), !n->path) : &media[0];
	struct buf *kept = m ? document(q->api, n, m->encoding) : NULL;
	if (!m) {
		AUTO_BUF *nothing = buf_new("", 0); /* the original says no more than the code */
		reply_typed(q, 406, NULL, nothing);
	} else if (!kept) {
		reply_text(q, 404, "");
	} else if (!q->x) {
		AUTO_BUF *plain = inflate_buf(kept);
		reply_buf(q, 200, plain);
	} else if (!n->path || !send_redirect(q, n)) {
		send_document(q, n, m);
	}
}

static void add_to_index(json_t *index, struct api *a, const char *path)
{
	const char *hash = document_hash(a, &(struct name){path});
	if (hash)
		openapi_v3_index_add(index, path, hash);
}

static void add_group_to_index(json_t *index, struct api *a, const char *group)
{
	AUTO_STRV char **versions = catalog_versions(a->schema, group);
	AUTO_FREE char *page = xasprintf("apis/%s", group);
	if (*group)
		add_to_index(index, a, page);
	for (size_t i = 0; versions && versions[i]; i++) {
		AUTO_FREE char *path = openapi_path(group, versions[i]);
		add_to_index(index, a, path);
	}
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The same index in order of its paths, as the original has it. Owned. */
static json_t *in_order(const json_t *index)
{
	const json_t *paths = json_object_get(index, "paths");
	json_t *out = json_pack("{s:{}}", "paths"), *value;
	AUTO_STRV char **keys = NULL;
	const char *key;
	json_object_foreach((json_t *)paths, key, value) strv_add(&keys, key);
	if (keys)
		qsort(keys, strv_len(keys), sizeof(*keys), by_text);
	for (size_t i = 0; keys && keys[i]; i++)
		json_object_set(json_object_get(out, "paths"), keys[i], json_object_get(paths, keys[i]));
	return out;
}

static void run_index(struct req *q)
{
	AUTO_STRV char **groups = catalog_groups(q->api->schema);
	AUTO_JSON *index = json_object();
	const char *page;
	for (size_t i = 0; (page = openapi_page_nth(i)); i++)
		add_to_index(index, q->api, page);
	add_group_to_index(index, q->api, "");
	for (size_t i = 0; groups && groups[i]; i++)
		add_group_to_index(index, q->api, groups[i]);
	apiservices_openapi_index(q->api->apiservices, index);
	AUTO_JSON *sorted = in_order(index);
	AUTO_FREE char *text = json_text(sorted);
	reply_text(q, 200, text);
}

/* rest: "", "/", "/api/v1", "/apis/apps/v1", "/version". What an extension server answers is asked of it. */
static void run_v3(struct req *q, const char *rest)
{
	AUTO_STRV char **parts = str_split(rest + (*rest == '/'), '/');
	size_t n = strv_len(parts);
	struct apiservice *v = n == 3 && strcmp(parts[0], "apis") == 0 ? apiservices_find(q->api->apiservices, parts[1], parts[2])
								      : NULL;
	if (n == 0)
		run_index(q);
	else if (v)
		apiservice_proxy(q, v);
	else
		run_document(q, &(struct name){rest + (*rest == '/')});
}

bool openapi_run(struct req *q)
{
	static const char v2[] = "/openapi/v2", v3[] = "/openapi/v3";
	const char *path = q->route.path, *rest = str_has_prefix(path, v3) ? path + strlen(v3) : NULL;
	bool is_v2 = strcmp(path, v2) == 0, is_v3 = rest && (!*rest || *rest == '/');
	if (!is_v2 && !is_v3)
		return false;
	if (strcmp(q->method, "GET") != 0)
		reply_status(q, status_method_not_allowed());
	else if (is_v2)
		run_document(q, &(struct name){NULL});
	else
		run_v3(q, rest);
	return true;
}
