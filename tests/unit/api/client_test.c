#include "api/client.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>

#include "tests/unit/api/fake_api.h"

static struct fake fake;
static struct {
	int n, status, code;
	char text[256], echo[1024];
} done;

static void on_done(void *arg, int status, json_t *body, const struct err *e)
{
	ck_assert_ptr_eq(arg, &fake);
	done.n++;
	done.status = status;
	done.code = e ? e->code : 0;
	snprintf(done.text, sizeof(done.text), "%s", e ? err_text(e) : "");
	AUTO_FREE char *text = body ? json_text(body) : xstrdup("none");
	snprintf(done.echo, sizeof(done.echo), "%s", text);
}

/* /status/CODE/REASON answers with a Status, everything else tells what was asked. */
static void on_request(struct http_exchange *x)
{
	int code;
	char reason[64];
	AUTO_STR out = STR_INIT;
	size_t n;
	const char *body = http_body(x, &n), *type = http_header_get(x, "content-type");
	if (sscanf(http_path(x), "/api/status/%d/%63s", &code, reason) == 2) {
		str_addf(&out, "{\"kind\":\"Status\",\"message\":\"because %s\",\"reason\":\"%s\",\"code\":%d}", reason,
			 reason, code);
		fake_answer(x, code, out.p);
	} else if (!strcmp(http_path(x), "/api/plain")) {
		fake_answer(x, 500, "oops");
	} else if (!strcmp(http_path(x), "/api/garbage")) {
		fake_answer(x, 200, "{");
	} else if (!strcmp(http_path(x), "/api/empty")) {
		fake_answer(x, 200, "");
	} else if (strcmp(http_path(x), "/api/hang") != 0) {
		str_addf(&out, "[\"%s\",\"%s\",\"%s\",\"%s\",%s]", http_method(x), http_target(x), type ? type : "",
			 http_header_get(x, "accept"), n ? body : "null");
		fake_answer(x, 201, out.p);
	}
}

static void setup(void)
{
	memset(&done, 0, sizeof(done));
	fake_start(&fake, on_request);
}

static void teardown(void)
{
	fake_stop(&fake);
}

static void expect(const char *echo)
{
	int n = done.n + 1;
	ck_assert(fake_wait(&fake, &done.n, n));
	ck_assert_int_eq(done.status, 201);
	ck_assert_int_eq(done.code, 0);
	ck_assert_str_eq(done.echo, echo);
}

START_TEST(each_verb)
{
	struct api_client *c = fake.client;
	AUTO_JSON *body = json_pack("{s:i}", "a", 1);
	api_get(c, "/api/v1/pods?limit=1", on_done, &fake);
	expect("[\"GET\",\"/api/v1/pods?limit=1\",\"\",\"application/json\",null]");
	api_create(c, "/api/v1/pods", body, on_done, &fake);
	expect("[\"POST\",\"/api/v1/pods\",\"application/json\",\"application/json\",{\"a\":1}]");
	api_update(c, "/api/v1/pods/p", body, on_done, &fake);
	expect("[\"PUT\",\"/api/v1/pods/p\",\"application/json\",\"application/json\",{\"a\":1}]");
	static const char *const types[] = { "json-patch+json", "merge-patch+json", "strategic-merge-patch+json",
					     "apply-patch+yaml" };
	for (int i = 0; i < 4; i++) {
		AUTO_FREE char *want =
			xasprintf("[\"PATCH\",\"/api/x\",\"application/%s\",\"application/json\",{\"a\":1}]", types[i]);
		api_patch(c, "/api/x", (enum api_patch)i, body, on_done, &fake);
		expect(want);
	}
	api_delete(c, "/api/x", NULL, on_done, &fake);
	expect("[\"DELETE\",\"/api/x\",\"\",\"application/json\",null]");
	api_delete(c, "/api/x", body, on_done, &fake);
	expect("[\"DELETE\",\"/api/x\",\"application/json\",\"application/json\",{\"a\":1}]");
	ck_assert_ptr_eq(api_client_loop(c), fake.loop);
}
END_TEST

static const struct {
	int status;
	const char *reason;
	int code;
} statuses[] = {
	{ 404, "NotFound", -ENOENT },  { 409, "AlreadyExists", -EEXIST }, { 409, "Conflict", -ESTALE },
	{ 403, "Forbidden", -EACCES }, { 401, "Unauthorized", -EACCES },  { 410, "Expired", -EOVERFLOW },
	{ 422, "Invalid", -EINVAL },   { 400, "BadRequest", -EINVAL },	  { 429, "TooManyRequests", -EAGAIN },
	{ 503, "Unavailable", -EAGAIN }, { 500, "InternalError", -EPROTO },
};

START_TEST(status_answers_become_errors)
{
	char path[100], text[100];
	snprintf(path, sizeof(path), "/api/status/%d/%s", statuses[_i].status, statuses[_i].reason);
	snprintf(text, sizeof(text), "because %s", statuses[_i].reason);
	api_get(fake.client, path, on_done, &fake);
	ck_assert(fake_wait(&fake, &done.n, 1));
	ck_assert_int_eq(done.status, statuses[_i].status);
	ck_assert_int_eq(done.code, statuses[_i].code);
	ck_assert_str_eq(done.text, text);
	ck_assert_ptr_nonnull(strstr(done.echo, "\"Status\""));
}
END_TEST

START_TEST(answers_that_are_no_json)
{
	api_get(fake.client, "/api/plain", on_done, &fake);
	ck_assert(fake_wait(&fake, &done.n, 1));
	ck_assert_int_eq(done.status, 500);
	ck_assert_int_eq(done.code, -EPROTO);
	ck_assert_str_eq(done.text, "GET /api/plain: HTTP status 500");
	api_get(fake.client, "/api/garbage", on_done, &fake);
	ck_assert(fake_wait(&fake, &done.n, 2));
	ck_assert_int_eq(done.code, -EPROTO);
	api_get(fake.client, "/api/empty", on_done, &fake);
	ck_assert(fake_wait(&fake, &done.n, 3));
	ck_assert_int_eq(done.code, 0);
	ck_assert_str_eq(done.echo, "none");
}
END_TEST

START_TEST(cancelled_calls_stay_silent)
{
	struct api_call *call = api_get(fake.client, "/api/hang", on_done, &fake);
	for (int i = 0; i < 5; i++)
		loop_run_once(fake.loop, 5);
	api_cancel(call);
	api_cancel(api_get(fake.client, "/api/x", on_done, &fake));
	api_cancel(NULL);
	api_get(fake.client, "/api/hang", on_done, &fake); /* freed with the client */
	api_get(fake.client, "/api/x", NULL, NULL);
	for (int i = 0; i < 5; i++)
		loop_run_once(fake.loop, 5);
	ck_assert_int_eq(done.n, 0);
}
END_TEST

START_TEST(an_unreachable_server)
{
	struct kubeconfig k = { .server = "http://127.0.0.1:1" };
	struct api_client *c;
	ck_assert_int_eq(api_client_new(fake.loop, &k, &c, NULL), 0);
	api_get(c, "/api/x", on_done, &fake);
	ck_assert(fake_wait(&fake, &done.n, 1));
	ck_assert_int_eq(done.status, 0);
	ck_assert_int_eq(done.code, -ECONNREFUSED);
	api_client_free(c);
	k.server = NULL;
	ck_assert_int_eq(api_client_new(fake.loop, &k, &c, NULL), -EINVAL);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("client");
	TCase *t = tcase_create("client");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 20);
	tcase_add_test(t, each_verb);
	tcase_add_loop_test(t, status_answers_become_errors, 0, ARRAY_LEN(statuses));
	tcase_add_test(t, answers_that_are_no_json);
	tcase_add_test(t, cancelled_calls_stay_silent);
	tcase_add_test(t, an_unreachable_server);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
