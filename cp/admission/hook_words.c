/* Words for failed calls. Happy path: the errno or the status is in a table. Nothing fails: what is not known keeps the words of
 * the HTTP client. */
#include "cp/admission/hook_words.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"

/* "host:port" of an https URL; owned. */
static char *host_of(const char *url)
{
	const char *host = strstr(url, "://"), *at;
	host = host ? host + 3 : url;
	size_t n = strcspn(host, "/?#");
	at = memchr(host, '@', n);
	if (at) {
		n -= (size_t)(at + 1 - host);
		host = at + 1;
	}
	const char *bracket = memchr(host, ']', n), *name_end = bracket ? bracket : host;
	bool port = memchr(name_end, ':', n - (size_t)(name_end - host)) != NULL;
	return xasprintf("%.*s%s", (int)n, host, port ? "" : ":443");
}

char *hook_words_of_network(const struct err *e, const char *url, const char *peer)
{
	static const struct {
		int code;
		const char *words;
	} dialing[] = {
		{ -ECONNREFUSED, "connection refused" },
		{ -EHOSTUNREACH, "no route to host" },
		{ -ENETUNREACH, "network is unreachable" },
	};
	AUTO_FREE char *to = peer ? xstrdup(peer) : host_of(url);
	const char *text = err_text(e);
	if (e->code == -ETIMEDOUT)
		return xstrdup("context deadline exceeded");
	if (strstr(text, "Could not resolve host"))
		return xasprintf("dial tcp: lookup %.*s: no such host", (int)strcspn(to, ":"), to);
	if (strstr(text, "self-signed certificate") || strstr(text, "unable to get local issuer certificate"))
		return xstrdup("tls: failed to verify certificate: x509: certificate signed by unknown authority");
	for (size_t i = 0; i < ARRAY_LEN(dialing); i++)
		if (dialing[i].code == e->code)
			return xasprintf("dial tcp %s: connect: %s", to, dialing[i].words);
	return xstrdup(text);
}

/* The text of a body, trimmed; "unknown" where it is no text. Owned. */
static char *text_of(const char *type, const char *body, size_t len)
{
	enum { MOST = 2048 };
	if (type && *type && strncmp(type, "text/", 5) != 0)
		return xstrdup("unknown");
	while (len && isspace((unsigned char)*body))
		body++, len--;
	while (len && isspace((unsigned char)body[len - 1]))
		len--;
	return xstrndup(body, len < MOST ? len : MOST);
}

/* The message of a Status; owned, NULL when the body is none. */
static char *message_of(const char *body, size_t len)
{
	AUTO_JSON *status = NULL;
	if (json_parse(body, len, &status, NULL) < 0 || !str_eq(json_str_at(status, "kind"), "Status"))
		return NULL;
	const char *message = json_str_at(status, "message");
	return str_empty(message) ? NULL : xstrdup(message);
}

char *hook_words_of_answer(int status, const char *type, const char *body, size_t len)
{
	static const struct {
		int status;
		const char *words; /* NULL: the server's own */
	} known[] = {
		{ 400, "the server rejected our request for an unknown reason" },
		{ 401, "the server has asked for the client to provide credentials" },
		{ 403, NULL },
		{ 404, "the server could not find the requested resource" },
		{ 405, "the server does not allow this method on the requested resource" },
		{ 406, NULL },
		{ 409, "the server reported a conflict" },
		{ 415, NULL },
		{ 422, "the server rejected our request due to an error in our request" },
		{ 429, "the server has received too many requests and has asked us to try again later" },
		{ 503, "the server is currently unable to handle the request" },
		{ 504, "the server was unable to return a response in the time allotted, but may still be processing the request" },
	};
	char *message = message_of(body, len);
	if (message)
		return message;
	AUTO_FREE char *text = text_of(type, body, len);
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (known[i].status == status)
			return xstrdup(known[i].words ? known[i].words : text);
	if (status < 500)
		return xasprintf("the server responded with the status code %d but did not return more information", status);
	AUTO_STR quoted = STR_INIT;
	str_add_json(&quoted, text);
	return xasprintf("an error on the server (%s) has prevented the request from succeeding", str_text(&quoted));
}
