/* What a failed call to a webhook is told as. */
#include "tests/unit/check_main.h"

#include <errno.h>

#include "base/mem.h"
#include "base/str.h"
#include "cp/admission/hook_words.h"

START_TEST(network)
{
	static const struct {
		int code;
		const char *text, *url, *peer, *want;
	} cases[] = {
		{ -ECONNREFUSED, "x", "https://127.0.0.1:9443/p?timeout=1s", NULL, "dial tcp 127.0.0.1:9443: connect: connection refused" },
		{ -ECONNREFUSED, "x", "https://10.0.0.1?a=b@c:1", NULL, "dial tcp 10.0.0.1:443: connect: connection refused" },
		{ -ECONNREFUSED, "x", "https://u:p@[::1]/", NULL, "dial tcp [::1]:443: connect: connection refused" },
		{ -EHOSTUNREACH, "x", "https://svc.n.svc:443/", "10.1.2.3:8443", "dial tcp 10.1.2.3:8443: connect: no route to host" },
		{ -EHOSTUNREACH, "Could not resolve host: a.b", "https://a.b/", NULL, "dial tcp: lookup a.b: no such host" },
		{ -ETIMEDOUT, "x", "https://a/", NULL, "context deadline exceeded" },
		{ -EPROTO, "SSL certificate problem: self-signed certificate", "https://a/", NULL,
		  "tls: failed to verify certificate: x509: certificate signed by unknown authority" },
		{ -EPROTO, "something else", "https://a/", NULL, "something else" },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err e = ERR_INIT;
		err_set(&e, cases[i].code, "%s", cases[i].text);
		AUTO_FREE char *got = hook_words_of_network(&e, cases[i].url, cases[i].peer);
		ck_assert_str_eq(got, cases[i].want);
	}
}
END_TEST

START_TEST(answers)
{
	static const struct {
		int status;
		const char *type, *body, *want;
	} cases[] = {
		{ 404, "text/plain", "x", "the server could not find the requested resource" },
		{ 403, "text/plain; charset=utf-8", " no \n", "no" },
		{ 403, "application/octet-stream", "no", "unknown" },
		{ 500, NULL, "say \"boom\"\n", "an error on the server (\"say \\\"boom\\\"\") has prevented the request from succeeding" },
		{ 502, "text/html", "", "an error on the server (\"\") has prevented the request from succeeding" },
		{ 503, NULL, "x", "the server is currently unable to handle the request" },
		{ 302, NULL, "x", "the server responded with the status code 302 but did not return more information" },
		{ 500, "application/json", "{\"kind\":\"Status\",\"message\":\"told\"}", "told" },
		{ 401, "application/json", "{\"kind\":\"Pod\",\"message\":\"told\"}", "the server has asked for the client to provide credentials" },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO_FREE char *got = hook_words_of_answer(cases[i].status, cases[i].type, cases[i].body, strlen(cases[i].body));
		ck_assert_str_eq(got, cases[i].want);
	}
}
END_TEST

TESTS("hook_words", network, answers)
