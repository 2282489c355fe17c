/* A request as both codecs build it. Purpose: one arena of text per request and pointers into it.
 * What can fail: taking the target apart.
 * What always holds: after http_request_finish_head() the text does not move any more. */
#include "io/http_request.h"

#include <errno.h>
#include <http_parser.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/mem.h"

enum { MAX_PARAMS = 256 };

void http_request_done(struct http_request *r)
{
	str_done(&r->body);
	str_done(&r->text);
	free(r->at);
	free(r->headers);
	free(r->decoded);
	for (size_t i = 0; i < r->n_params; i++)
		free(r->params[i].name);
	free(r->params);
	*r = (struct http_request){ 0 };
}

static size_t add_piece(struct http_request *r, const char *p, size_t n)
{
	size_t at = r->text.len;
	str_addn(&r->text, p, n);
	str_addc(&r->text, '\0');
	return at;
}

void http_request_method(struct http_request *r, const char *p, size_t n)
{
	r->method_at = add_piece(r, p, n);
}

void http_request_target(struct http_request *r, const char *p, size_t n)
{
	r->target_at = add_piece(r, p, n);
}

static void add_header_piece(struct http_request *r, const char *p, size_t n)
{
	if (r->n_at == r->cap_at) {
		r->cap_at = r->cap_at ? r->cap_at * 2 : 32;
		r->at = xreallocarray(r->at, r->cap_at, sizeof(*r->at));
	}
	r->at[r->n_at++] = add_piece(r, p, n);
}

/* A name that got no value yet has an empty one. */
void http_request_header_name(struct http_request *r, const char *p, size_t n)
{
	if (r->n_at % 2)
		add_header_piece(r, "", 0);
	add_header_piece(r, p, n);
}

void http_request_header_value(struct http_request *r, const char *p, size_t n)
{
	add_header_piece(r, p, n);
}

void http_request_more(struct http_request *r, const char *p, size_t n)
{
	r->text.len--;
	str_addn(&r->text, p, n);
	str_addc(&r->text, '\0');
}

bool http_request_is_too_large(const struct http_request *r)
{
	return r->text.len > HTTP_MAX_HEAD || r->n_at > 2 * HTTP_MAX_HEADERS;
}

/* The path and query of an absolute-form target ("http://host/path"), else the target itself. */
static const char *origin_form(const char *target)
{
	static const char *const schemes[] = { "http://", "https://" };
	for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
		size_t n = strlen(schemes[i]);
		if (!strncasecmp(target, schemes[i], n)) {
			const char *path = target + n + strcspn(target + n, "/?");
			return *path == '/' ? path : "/";
		}
	}
	return target;
}

static int split_target(struct http_request *r)
{
	const char *target = origin_form(r->target);
	if (*target != '/' && strcmp(target, "*") != 0)
		return -EINVAL;
	r->decoded = xstrdup(target);
	r->decoded[strcspn(r->decoded, "#")] = '\0';
	char *query = strchr(r->decoded, '?');
	if (query)
		*query++ = '\0';
	r->query = query ? query : r->decoded + strlen(r->decoded);
	if (strcasestr(r->decoded, "%00"))
		return -EINVAL;
	r->path = r->decoded;
	return url_decode(r->decoded, false);
}

int http_request_finish_head(struct http_request *r)
{
	if (r->n_at % 2)
		add_header_piece(r, "", 0);
	r->method = r->text.p + r->method_at;
	r->target = r->text.p + r->target_at;
	r->n_headers = r->n_at / 2;
	r->headers = xcalloc(r->n_headers + 1, sizeof(*r->headers));
	for (size_t i = 0; i < r->n_headers; i++)
		r->headers[i] = (struct http_header){ r->text.p + r->at[2 * i], r->text.p + r->at[2 * i + 1] };
	free(TAKE(r->at));
	r->n_at = r->cap_at = 0;
	return split_target(r);
}

const char *http_request_header(const struct http_request *r, const char *name)
{
	for (size_t i = 0; i < r->n_headers; i++)
		if (!strcasecmp(r->headers[i].name, name))
			return r->headers[i].value;
	return NULL;
}

static bool list_has(const char *list, const char *token)
{
	size_t n = strlen(token);
	for (const char *p = list; *p;) {
		p += strspn(p, " \t,");
		size_t len = strcspn(p, ",");
		const char *next = p + len;
		while (len && (p[len - 1] == ' ' || p[len - 1] == '\t'))
			len--;
		if (len == n && !strncasecmp(p, token, n))
			return true;
		p = next;
	}
	return false;
}

bool http_request_has_token(const struct http_request *r, const char *name, const char *token)
{
	for (size_t i = 0; i < r->n_headers; i++)
		if (!strcasecmp(r->headers[i].name, name) && list_has(r->headers[i].value, token))
			return true;
	return false;
}

/* Parameters with bad escapes are left out, as Go's parser does. */
static void add_param(struct http_request *r, const char *p, size_t n)
{
	char *name = xstrndup(p, n), *value = strchr(name, '=');
	if (value) {
		*value++ = '\0';
	} else {
		value = name + n;
	}
	if (url_decode(name, true) < 0 || url_decode(value, true) < 0) {
		free(name);
		return;
	}
	r->params = xreallocarray(r->params, r->n_params + 1, sizeof(*r->params));
	r->params[r->n_params++] = (struct http_param){ name, value };
}

static void parse_params(struct http_request *r)
{
	r->params_parsed = true;
	for (const char *p = r->query; p && *p && r->n_params < MAX_PARAMS;) {
		size_t n = strcspn(p, "&");
		if (n)
			add_param(r, p, n);
		p += n;
		p += *p == '&';
	}
}

const char *http_request_param(struct http_request *r, const char *name, size_t nth)
{
	if (!r->params_parsed)
		parse_params(r);
	for (size_t i = 0; i < r->n_params; i++)
		if (!strcmp(r->params[i].name, name) && !nth--)
			return r->params[i].value;
	return NULL;
}

#define STATUS_ROW(code, name, text) { code, #text },
static const struct {
	int code;
	const char *text;
} statuses[] = { HTTP_STATUS_MAP(STATUS_ROW) };

const char *http_status_text(int status)
{
	for (size_t i = 0; i < ARRAY_LEN(statuses); i++)
		if (statuses[i].code == status)
			return statuses[i].text;
	return "";
}

/* Formatted once a second. */
const char *http_date(void)
{
	static char text[40];
	static time_t of;
	time_t now = time(NULL);
	if (now != of) {
		struct tm tm;
		static const char days[][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
		static const char months[][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
						  "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
		gmtime_r(&now, &tm);
		snprintf(text, sizeof(text), "%s, %02d %s %d %02d:%02d:%02d GMT", days[tm.tm_wday], tm.tm_mday,
			 months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
		of = now;
	}
	return text;
}
