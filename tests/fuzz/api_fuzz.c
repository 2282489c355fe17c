/* Whole requests through the server, as an administrator: "METHOD TARGET\nCONTENT-TYPE\nBODY" over one connection of
 * HTTP/1.1, on a store with a few objects. Writes are dry runs, so that every input meets the same state. Every request
 * gets one whole answer. */
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fs.h"
#include "cp/api/api.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct loop *loop;
static struct http_server *server;
static struct api *api;
static char dir[] = "/tmp/knarr-fuzz-api-XXXXXX";
static int peer = -1;
static struct str answer;

static void clean(void)
{
	fs_remove_tree(dir, NULL);
}

static void on_ready(void *arg, int r, const struct err *e)
{
	(void)e;
	if (r < 0)
		abort();
	*(bool *)arg = true;
}

static void write_tokens(char *path, size_t n)
{
	static const char line[] = "t,admin,1,\"system:masters\"\n";
	snprintf(path, n, "%s/tokens", dir);
	FILE *f = fopen(path, "we");
	if (!f || fputs(line, f) < 0 || fclose(f))
		abort();
}

static void make_server(void)
{
	static bool ready;
	char db[64], tokens[64];
	struct schema *schema;
	struct store *store;
	if (!mkdtemp(dir) || atexit(clean))
		abort();
	write_tokens(tokens, sizeof(tokens));
	snprintf(db, sizeof(db), "%s/state.db", dir);
	if (loop_new(&loop, NULL) < 0 || schema_load_builtin(&schema, NULL) < 0 || store_open_sqlite(loop, db, -1, &store, NULL) < 0)
		abort();
	struct cache *cache = cache_new(loop, store);
	api_declare_buckets(cache, schema);
	char *issuers[] = {"https://kubernetes.default.svc", NULL};
	struct api_config c = {.loop = loop, .schema = schema, .cache = cache, .service_cidr = "10.96.0.0/16", .node_port_min = 30000,
			       .node_port_max = 32767, .advertise_address = "127.0.0.1", .secure_port = 6443, .cluster_domain = "cluster.local",
			       .authn = {.issuers = issuers, .token_file = tokens, .anonymous = true}};
	struct err e = ERR_INIT;
	if (cache_load(cache, NULL) < 0 || api_new(&c, &api, &e) < 0)
		abort();
	struct http_server_config h = {.loop = loop, .bind_address = "127.0.0.1", .on_request = api_on_request, .arg = api};
	if (http_server_start(&h, &server, NULL) < 0)
		abort();
	api_bootstrap(api, on_ready, &ready);
	while (!ready)
		loop_run_once(loop, 100);
}

static void dial(void)
{
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_port = htons(http_server_port(server))};
	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	peer = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (peer < 0 || connect(peer, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		abort();
}

/* Whether the answer's head and as much body as it says are there. Chunks end with an empty one. */
static bool answer_is_whole(void)
{
	const char *text = str_text(&answer), *body = strstr(text, "\r\n\r\n"), *length = strcasestr(text, "\r\ncontent-length: ");
	if (!body)
		return false;
	if (length && length < body)
		return answer.len - (size_t)(body + 4 - text) >= strtoul(length + 18, NULL, 10);
	return !strncmp(text, "HTTP/1.1 204", 12) || (answer.len > 5 && !memcmp(answer.p + answer.len - 5, "0\r\n\r\n", 5));
}

/* An internal error that the original answers as well: of revisions that are no numbers, of fields that cannot be applied,
 * of bindings that are not valid. Here no key signs tokens. */
static bool is_originals(const char *target)
{
	return strstr(target, "/token") || strstr(target, "/binding") || strstr(answer.p, "strconv.ParseUint") ||
	       strstr(answer.p, "failed to create typed patch object");
}

static void request(const char *method, const char *target, const char *type, const char *body, size_t n)
{
	AUTO_STR head = STR_INIT;
	bool read_only = !strcmp(method, "GET");
	str_addf(&head, "%s %s%s%s HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer t\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n", method, target,
		 strchr(target, '?') ? "&" : "?", read_only ? "timeoutSeconds=1" : "dryRun=All", type, n);
	str_addn(&head, body, n);
	if (peer < 0)
		dial();
	if (send(peer, head.p, head.len, MSG_NOSIGNAL) != (ssize_t)head.len)
		abort();
	str_reset(&answer);
	for (int turns = 0; turns < 400 && !answer_is_whole(); turns++) {
		char piece[65536];
		loop_run_once(loop, 10);
		ssize_t got = recv(peer, piece, sizeof(piece), MSG_DONTWAIT);
		if (got > 0)
			str_addn(&answer, piece, (size_t)got);
		if (!got)
			break;
	}
	if (!answer_is_whole()) {
		fprintf(stderr, "no whole answer: %s\n", str_text(&answer));
		abort();
	}
	if (!strncmp(str_text(&answer), "HTTP/1.1 500", 12) && !is_originals(target)) {
		fprintf(stderr, "internal error: %s\n", str_text(&answer));
		abort();
	}
	if (strcasestr(answer.p, "\r\nconnection: close")) {
		close(peer);
		peer = -1;
	}
}

/* A word of the request line: printable, no blanks. */
static bool is_word(const char *s)
{
	for (const char *p = s; *p; p++)
		if (*p <= ' ' || *p > '~')
			return false;
	return *s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const types[] = {"application/json", "application/yaml", "application/merge-patch+json",
					    "application/json-patch+json", "application/strategic-merge-patch+json",
					    "application/apply-patch+yaml", "application/vnd.kubernetes.protobuf"};
	static const char *const methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE"};
	if (!loop)
		make_server();
	if (size < 2)
		return 0;
	const uint8_t *end = memchr(data + 2, '\n', size - 2);
	AUTO_FREE char *target = xstrndup((const char *)data + 2, end ? (size_t)(end - data - 2) : size - 2);
	const char *body = end ? (const char *)end + 1 : "";
	/* A watch waits, and streams are upgraded: neither ends at once. */
	if (!is_word(target) || *target != '/' || strchr(target, '#') || strstr(target, "watch") || strchr(target, '%'))
		return 0;
	request(methods[data[0] % ARRAY_LEN(methods)], target, types[data[1] % ARRAY_LEN(types)], body, end ? size - (size_t)(end + 1 - data) : 0);
	return 0;
}
