/* JSON as tests write it, with ' for ". */
#ifndef KNARR_TESTS_QUOTED_JSON_H
#define KNARR_TESTS_QUOTED_JSON_H

#include <check.h>
#include <string.h>

#include "base/json.h"

/* Returns owned; what is no JSON fails the test. */
static inline json_t *quoted_json(const char *text)
{
	AUTO_FREE char *copy = xstrdup(text);
	for (char *p = copy; *p; p++)
		*p = *p == '\'' ? '"' : *p;
	struct err e = ERR_INIT;
	json_t *j = NULL;
	int r = json_parse(copy, strlen(copy), &j, &e);
	ck_assert_msg(r == 0, "%s: %s", err_text(&e), copy);
	return j;
}

#endif
