/* What comes back for a call.
 *
 * Purpose: status, header lines and body of the answer, as libcurl tells them. Happy path: lines are kept until the empty one,
 * then on_status is called; the body goes to on_data or is collected. What can fail: an answer beyond the bounds (-E2BIG).
 * What always holds: a cancelled call hears of nothing. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "io/http_client_internal.h"

enum { MAX_COLLECTED = 64 << 20, MAX_HEADERS = 256 << 10 };

static void parse_status(struct http_call *call, const char *line, size_t n)
{
	str_reset(&call->response_head);
	call->status_told = false;
	call->status = 0;
	const char *space = memchr(line, ' ', n);
	if (space && line + n - space > 3)
		call->status = (int)strtol(space + 1, NULL, 10);
}

/* How much of an answer there will be; nobody is told here when a chunked one ends. */
static void expect_body(struct http_call *call)
{
	const char *length = http_call_header(call, "content-length");
	bool none = call->status == 204 || call->status == 304 || strcmp(call->o.method, "HEAD") == 0;
	call->received = 0;
	call->expected = none ? 0 : -1;
	if (!none && length && str_to_i64(length, &call->expected) < 0)
		call->expected = -1;
}

bool http_call_answer_is_whole(const struct http_call *call)
{
	if (!call->status_told)
		return false;
	if (call->expected >= 0)
		return call->received >= call->expected;
	return !http_call_header(call, "transfer-encoding"); /* the end of the connection ends it */
}

static void look_for_end(struct http_call *call)
{
	if (!call->o.read_body || call->sent_all || call->expected < 0 || call->received < call->expected)
		return;
	call->answer_whole = true;
	http_call_wants(call);
}

/* One header line at a time; the empty one ends a head. 1xx heads are not the response yet. */
size_t http_call_on_header(char *line, size_t size, size_t n, void *arg)
{
	struct http_call *call = arg;
	(void)size;
	if (call->cancelled)
		return 0;
	size_t len = n;
	while (len && (line[len - 1] == '\r' || line[len - 1] == '\n'))
		len--;
	if (len > 5 && !memcmp(line, "HTTP/", 5)) {
		parse_status(call, line, len);
	} else if (len) {
		if (call->response_head.len + len > MAX_HEADERS) {
			call->failure = -E2BIG;
			return 0;
		}
		str_addn(&call->response_head, line, len);
		str_addc(&call->response_head, '\0');
	} else if (call->status >= 200 && call->o.on_status && !call->status_told) {
		call->status_told = true;
		expect_body(call);
		call->o.on_status(call->o.arg, call->status);
		look_for_end(call);
	}
	return call->cancelled ? 0 : n;
}

size_t http_call_on_body(char *bytes, size_t size, size_t n, void *arg)
{
	struct http_call *call = arg;
	(void)size;
	if (call->cancelled)
		return CURL_WRITEFUNC_ERROR;
	if (call->paused)
		return CURL_WRITEFUNC_PAUSE;
	call->received += (int64_t)n;
	if (call->o.on_data) {
		call->o.on_data(call->o.arg, bytes, n);
		look_for_end(call);
		return call->cancelled ? CURL_WRITEFUNC_ERROR : n;
	}
	if (n > MAX_COLLECTED - call->response.len) {
		call->failure = -E2BIG;
		return CURL_WRITEFUNC_ERROR;
	}
	str_addn(&call->response, bytes, n);
	return n;
}

/* Which errno says what libcurl's result means. */
static const struct {
	CURLcode code;
	int error;
} errors[] = {
	{ CURLE_COULDNT_RESOLVE_HOST, -EHOSTUNREACH },
	{ CURLE_COULDNT_CONNECT, -ECONNREFUSED },
	{ CURLE_OPERATION_TIMEDOUT, -ETIMEDOUT },
	{ CURLE_GOT_NOTHING, -ECONNRESET },
	{ CURLE_SEND_ERROR, -ECONNRESET },
	{ CURLE_RECV_ERROR, -ECONNRESET },
	{ CURLE_PARTIAL_FILE, -ECONNRESET },
	{ CURLE_URL_MALFORMAT, -EINVAL },
	{ CURLE_UNSUPPORTED_PROTOCOL, -EPROTONOSUPPORT },
	{ CURLE_SSL_CERTPROBLEM, -EINVAL },
	{ CURLE_SSL_CACERT_BADFILE, -EINVAL },
	{ CURLE_OUT_OF_MEMORY, -ENOMEM },
};

int http_call_error(struct http_call *call, CURLcode code)
{
	if (call->failure)
		return call->failure;
	long os = 0;
	curl.easy_getinfo(call->easy, CURLINFO_OS_ERRNO, &os);
	if (code == CURLE_COULDNT_CONNECT && os > 0 && os != EINPROGRESS)
		return -(int)os;
	for (size_t i = 0; i < ARRAY_LEN(errors); i++)
		if (errors[i].code == code)
			return errors[i].error;
	return -EPROTO;
}

const char *http_call_header(const struct http_call *call, const char *name)
{
	size_t n = strlen(name);
	const struct str *s = &call->response_head;
	for (const char *line = s->p; line && line < s->p + s->len; line += strlen(line) + 1) {
		if (strncasecmp(line, name, n) != 0 || line[n] != ':')
			continue;
		const char *value = line + n + 1;
		return value + strspn(value, " \t");
	}
	return NULL;
}

const char *http_call_header_line(const struct http_call *call, size_t n)
{
	const struct str *s = &call->response_head;
	for (const char *line = s->p; line && line < s->p + s->len; line += strlen(line) + 1)
		if (n-- == 0)
			return line;
	return NULL;
}
