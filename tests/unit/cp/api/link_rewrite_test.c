/* Links of pages that are shown below another path. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cp/api/link_rewrite.h"

static const struct link_base base = {"/api/v1/namespaces/a/services/s/proxy", "10.0.0.1:80", "localhost:8001"};
#define P "/api/v1/namespaces/a/services/s/proxy"

static const struct {
	const char *url, *want;
} urls[] = {
    {"/", P "/"},
    {"/x/y?q=/z#f", P "/x/y?q=/z#f"},
    {"x/y", "x/y"},
    {"", ""},
    {"#top", "#top"},
    {"?a=b", "?a=b"},
    {"http://10.0.0.1:80/x", P "/x"},
    {"http://localhost:8001/x", P "/x"},
    {"//10.0.0.1:80/x", P "/x"},
    {"http://10.0.0.1:80", "http://10.0.0.1:80"},
    {"http://10.0.0.1:8080/x", "http://10.0.0.1:8080/x"},
    {"https://example.com/x", "https://example.com/x"},
    {"//example.com/x", "//example.com/x"},
    {"mailto:me@example.com", "mailto:me@example.com"},
    {"data:text/plain,/x", "data:text/plain,/x"},
    {P "/x", P "/x"},
    {P, P},
    {P "y/x", P P "y/x"},
};

START_TEST(a_url)
{
	AUTO_STR out = STR_INIT;
	link_rewrite(&base, urls[_i].url, strlen(urls[_i].url), &out);
	ck_assert_str_eq(str_text(&out), urls[_i].want);
}
END_TEST

static const struct {
	const char *page, *want;
} pages[] = {
    {"<a href=\"/x\">/x</a>", "<a href=\"" P "/x\">/x</a>"},
    {"<A HREF='/x' class=\"/y\">", "<A HREF='" P "/x' class=\"/y\">"},
    {"<a href=/x>", "<a href=" P "/x>"},
    {"<a href = /x >", "<a href = " P "/x >"},
    {"<img src=/a.png longdesc=/b alt=/c/>", "<img src=" P "/a.png longdesc=" P "/b alt=/c/>"},
    {"<link rel=stylesheet href=/s.css/>", "<link rel=stylesheet href=" P "/s.css/>"},
    {"<script src=\"/a.js\">if (1 < 2) '<a href=\"/x\">';</script><a href=/y>",
     "<script src=\"" P "/a.js\">if (1 < 2) '<a href=\"/x\">';</script><a href=" P "/y>"},
    {"<!-- <a href=\"/x\"> --><a href=\"/x\">", "<!-- <a href=\"/x\"> --><a href=\"" P "/x\">"},
    {"<!----><a href=/x>", "<!----><a href=" P "/x>"},
    {"<!-- a ---><a href=/x>", "<!-- a ---><a href=" P "/x>"},
    {"<!DOCTYPE html><p title='a>b' href=/x>", "<!DOCTYPE html><p title='a>b' href=/x>"},
    {"<a title='>' href=/x>", "<a title='>' href=" P "/x>"},
    {"<a title=a'b href=/x>", "<a title=a'b href=" P "/x>"},
    {"<a hrefx=/x data-href=/x>", "<a hrefx=/x data-href=/x>"},
    {"<a href>", "<a href>"},
    {"a < b <", "a < b <"},
    {"<a href=/x", "<a href=/x"},
    {"<form action=\"/f\" method=post><input formaction=/g>", "<form action=\"" P "/f\" method=post><input formaction=" P "/g>"},
    {"<titlex><a href=/x>", "<titlex><a href=" P "/x>"},
    {"<title><a href=/x></TITLE><a href=/x>", "<title><a href=/x></TITLE><a href=" P "/x>"},
};

/* In pieces of every size: where a page is cut makes no difference. */
START_TEST(a_page)
{
	const char *page = pages[_i].page;
	size_t n = strlen(page);
	for (size_t piece = 1; piece <= n; piece++) {
		AUTO_STR out = STR_INIT;
		struct html_rewrite *h = html_rewrite_new(&base);
		for (size_t at = 0; at < n; at += piece)
			html_rewrite_feed(h, page + at, piece < n - at ? piece : n - at, &out);
		html_rewrite_end(h, &out);
		html_rewrite_free(h);
		ck_assert_str_eq(str_text(&out), pages[_i].want);
	}
}
END_TEST

/* Bytes that are no text end, too, and are kept. */
START_TEST(bytes)
{
	static const char odd[] = "<a \0 =\0'\0 href=/x><a \xff==='\0";
	AUTO_STR out = STR_INIT;
	struct html_rewrite *h = html_rewrite_new(&base);
	html_rewrite_feed(h, odd, sizeof(odd), &out);
	html_rewrite_end(h, &out);
	html_rewrite_free(h);
	ck_assert_uint_ge(out.len, sizeof(odd));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("link_rewrite");
	TCase *tc = tcase_create("all");
	tcase_add_loop_test(tc, a_url, 0, ARRAY_LEN(urls));
	tcase_add_loop_test(tc, a_page, 0, ARRAY_LEN(pages));
	tcase_add_test(tc, bytes);
	suite_add_tcase(s, tc);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
