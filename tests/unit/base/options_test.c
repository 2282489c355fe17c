/* base/options: kinds, places, the words of errors, help. */
#include "tests/unit/check_main.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/options.h"

struct values {
	const char *text, *format;
	bool flag, other;
	int64_t number, wait_ns;
	char **list;
};

static const struct option_row rows[] = {
	{ "text", 't', OPTION_TEXT, offsetof(struct values, text), "a text", NULL, false },
	{ "format", 'f', OPTION_TEXT, offsetof(struct values, format), "a form", "table", false },
	{ "flag", 'd', OPTION_FLAG, offsetof(struct values, flag), "a flag", NULL, false },
	{ "other", 0, OPTION_FLAG, offsetof(struct values, other), "kept silent", NULL, true },
	{ "number", 'n', OPTION_INT, offsetof(struct values, number), "a number", NULL, false },
	{ "wait", 0, OPTION_DURATION, offsetof(struct values, wait_ns), "a time", "5s", false },
	{ "list", 'e', OPTION_LIST, offsetof(struct values, list), "many", NULL, false },
};

static char *args[16];
static int n_args;

/* Splits line at blanks into args. */
static int parse(const char *line, enum option_order order, struct values *v, struct err *e)
{
	static char copy[256];
	char *save = NULL;
	int argc = 0;
	strcpy(copy, line);
	for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save))
		args[argc++] = w;
	*v = (struct values){ 0 };
	n_args = -1;
	return options_parse(rows, ARRAY_LEN(rows), order, argc, args, v, &n_args, e);
}

START_TEST(kinds)
{
	struct values v;
	ck_assert_int_eq(parse("--text a -n -5 -d --wait=1m30s -e x --list y --other=false id", OPTIONS_FIRST, &v, NULL), OPTIONS_DONE);
	ck_assert_str_eq(v.text, "a");
	ck_assert_str_eq(v.format, "table");
	ck_assert(v.flag && !v.other);
	ck_assert_int_eq(v.number, -5);
	ck_assert(v.wait_ns == 90000000000);
	ck_assert_uint_eq(strv_len(v.list), 2);
	ck_assert_str_eq(v.list[1], "y");
	ck_assert_int_eq(n_args, 1);
	ck_assert_str_eq(args[0], "id");
	options_free(rows, ARRAY_LEN(rows), &v);
	ck_assert_ptr_null(v.list);
	ck_assert_int_eq(parse("id", OPTIONS_FIRST, &v, NULL), OPTIONS_DONE);
	ck_assert(v.wait_ns == 5000000000);
	ck_assert_int_eq(parse("-text=a=b -flag=0", OPTIONS_FIRST, &v, NULL), OPTIONS_DONE);
	ck_assert_str_eq(v.text, "a=b");
	ck_assert(!v.flag);
}
END_TEST

START_TEST(places)
{
	struct values v;
	ck_assert_int_eq(parse("id -d -x --text b --flag -- -n", OPTIONS_ANYWHERE, &v, NULL), OPTIONS_DONE);
	ck_assert(v.flag);
	ck_assert_str_eq(v.text, "b");
	ck_assert_int_eq(n_args, 3); /* id, what is no option behind it, what stands behind "--" */
	ck_assert_str_eq(args[1], "-x");
	ck_assert_str_eq(args[2], "-n");
	ck_assert_int_eq(parse("-d id -d --text b", OPTIONS_FIRST, &v, NULL), OPTIONS_DONE);
	ck_assert_int_eq(n_args, 4);
	ck_assert_ptr_null(v.text);
	ck_assert_int_eq(parse("-- -d", OPTIONS_FIRST, &v, NULL), OPTIONS_DONE);
	ck_assert(!v.flag && n_args == 1);
	ck_assert_int_eq(parse("-d -", OPTIONS_ANYWHERE, &v, NULL), OPTIONS_DONE);
	ck_assert_str_eq(args[0], "-");
	ck_assert_int_eq(parse("id --help", OPTIONS_ANYWHERE, &v, NULL), OPTIONS_HELP);
	ck_assert_int_eq(parse("-h", OPTIONS_FIRST, &v, NULL), OPTIONS_HELP);
}
END_TEST

static const struct {
	const char *line, *text;
} wrong[] = {
	{ "--nothing id", "flag provided but not defined: -nothing" },
	{ "-dn 3", "flag provided but not defined: -dn" },
	{ "--text", "flag needs an argument: -text" },
	{ "-n x", "invalid value \"x\" for flag -number: parse error" },
	{ "-n 99999999999999999999", "invalid value \"99999999999999999999\" for flag -number: value out of range" },
	{ "--flag=maybe", "invalid boolean value \"maybe\" for -flag: parse error" },
	{ "--wait 3", "invalid value \"3\" for flag -wait: parse error" },
	{ "---d", "bad flag syntax: ---d" },
	{ "--=x", "bad flag syntax: --=x" },
};

START_TEST(errors)
{
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		struct values v;
		struct err e = ERR_INIT;
		ck_assert_int_eq(parse(wrong[i].line, OPTIONS_ANYWHERE, &v, &e), -EINVAL);
		ck_assert_str_eq(err_text(&e), wrong[i].text);
		ck_assert_int_eq(n_args, -1);
		options_free(rows, ARRAY_LEN(rows), &v);
	}
}
END_TEST

START_TEST(help)
{
	AUTO_STR s = STR_INIT, words = STR_INIT;
	options_help(rows, ARRAY_LEN(rows), &s);
	ck_assert_ptr_nonnull(strstr(s.p, "   --text value, -t value    a text\n"));
	ck_assert_ptr_nonnull(strstr(s.p, "   --format value, -f value  a form (default: \"table\")\n"));
	ck_assert_ptr_nonnull(strstr(s.p, "   --wait value              a time (default: 5s)\n"));
	ck_assert_ptr_nonnull(strstr(s.p, "   --flag, -d                a flag\n"));
	ck_assert_ptr_nonnull(strstr(s.p, "   --help, -h                show help\n"));
	ck_assert_ptr_null(strstr(s.p, "other"));
	options_words(rows, ARRAY_LEN(rows), &words);
	ck_assert_str_eq(words.p, "--text\n-t\n--format\n-f\n--flag\n-d\n--number\n-n\n--wait\n--list\n-e\n");
}
END_TEST

TESTS("options", kinds, places, errors, help)
