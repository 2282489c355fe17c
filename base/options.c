/* Options by tables.
 *
 * Happy path: each argument is looked up, its value taken from behind "=" or from the next argument, stored by kind. What
 * can fail: an unknown name, a missing or wrong value (-EINVAL). What always holds: argv is a permutation of what it was,
 * and a list is freed by options_free() whatever happened. */
#include "base/options.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/clock.h"

#define COLUMN_MAX 32

static const struct option_row *find(const struct option_row *rows, size_t n, const char *name, size_t len)
{
	for (size_t i = 0; i < n; i++)
		if ((strlen(rows[i].name) == len && !memcmp(rows[i].name, name, len)) ||
		    (len == 1 && rows[i].letter && rows[i].letter == *name))
			return &rows[i];
	return NULL;
}

static int parse_bool(const char *s, bool *ret)
{
	static const char *const words[2][6] = { { "0", "f", "F", "false", "FALSE", "False" },
						 { "1", "t", "T", "true", "TRUE", "True" } };
	for (size_t value = 0; value < 2; value++)
		for (size_t i = 0; i < ARRAY_LEN(words[value]); i++)
			if (str_eq(s, words[value][i])) {
				*ret = value;
				return 0;
			}
	return -EINVAL;
}

static int store(const struct option_row *row, const char *value, void *values, struct err *e)
{
	void *at = (char *)values + row->offset;
	int r = 0;
	if (row->kind == OPTION_FLAG) {
		r = parse_bool(value, at);
		if (r < 0)
			return err_set(e, -EINVAL, "invalid boolean value \"%s\" for -%s: parse error", value, row->name);
	} else if (row->kind == OPTION_TEXT) {
		memcpy(at, &value, sizeof(value));
	} else if (row->kind == OPTION_INT) {
		r = str_to_i64(value, at);
	} else if (row->kind == OPTION_LIST) {
		strv_add(at, value);
	} else {
		r = duration_parse(value, at);
	}
	if (r < 0)
		return err_set(e, -EINVAL, "invalid value \"%s\" for flag -%s: %s", value, row->name,
			       r == -ERANGE ? "value out of range" : "parse error");
	return 0;
}

static bool is_help(const char *name, size_t len)
{
	return (len == 1 && *name == 'h') || (len == 4 && !memcmp(name, "help", 4));
}

/* One option at argv[*at]; steps *at over its value. */
static int parse_one(const struct option_row *rows, size_t n, int argc, char **argv, int *at, void *values, struct err *e)
{
	const char *name = argv[*at] + (argv[*at][1] == '-' ? 2 : 1);
	size_t len = strcspn(name, "=");
	const struct option_row *row = find(rows, n, name, len);
	if (!len || *name == '-')
		return err_set(e, -EINVAL, "bad flag syntax: %s", argv[*at]);
	if (!row && is_help(name, len))
		return OPTIONS_HELP;
	if (!row)
		return err_set(e, -EINVAL, "flag provided but not defined: -%.*s", (int)len, name);
	if (name[len] == '=')
		return store(row, name + len + 1, values, e);
	if (row->kind == OPTION_FLAG)
		return store(row, "true", values, e);
	if (*at + 1 >= argc)
		return err_set(e, -EINVAL, "flag needs an argument: -%.*s", (int)len, name);
	return store(row, argv[++*at], values, e);
}

static bool is_option(const struct option_row *rows, size_t n, const char *arg)
{
	const char *name = arg + (arg[1] == '-' ? 2 : 1);
	size_t len = strcspn(name, "=");
	return find(rows, n, name, len) || is_help(name, len);
}

int options_parse(const struct option_row *rows, size_t n, enum option_order order, int argc, char **argv, void *values,
		  int *ret_n, struct err *e)
{
	int others = 0, i = 0, r = 0;
	for (size_t k = 0; k < n && r == 0; k++)
		r = rows[k].fallback ? store(&rows[k], rows[k].fallback, values, e) : 0;
	for (; i < argc && r == 0; i++) {
		if (str_eq(argv[i], "--")) {
			i++;
			break;
		}
		if (argv[i][0] == '-' && argv[i][1] && (!others || is_option(rows, n, argv[i]))) {
			r = parse_one(rows, n, argc, argv, &i, values, e);
			continue;
		}
		if (order == OPTIONS_FIRST)
			break;
		argv[others++] = argv[i];
	}
	if (r != 0)
		return r;
	for (; i < argc; i++)
		argv[others++] = argv[i];
	*ret_n = others;
	return OPTIONS_DONE;
}

void options_free(const struct option_row *rows, size_t n, void *values)
{
	for (size_t i = 0; i < n; i++)
		if (rows[i].kind == OPTION_LIST)
			free_strv((char ***)((char *)values + rows[i].offset));
}

static void add_left(const struct option_row *row, struct str *out)
{
	const char *value = row->kind == OPTION_FLAG ? "" : " value";
	str_addf(out, "--%s%s", row->name, value);
	if (row->letter)
		str_addf(out, ", -%c%s", row->letter, value);
}

static void add_line(const char *left, size_t width, const char *help, const char *fallback, bool quote, struct str *out)
{
	size_t len = strlen(left);
	str_addf(out, "   %s%*s", left, (int)(len < width ? width - len : 0) + 2, "");
	for (const char *p = help; *p; p++) { /* further lines of a long text stand below the first */
		str_addc(out, *p);
		if (*p == '\n' && p[1] && p[1] != '\n')
			str_addf(out, "%*s", (int)width + 5, "");
	}
	if (fallback)
		str_addf(out, quote ? " (default: \"%s\")" : " (default: %s)", fallback);
	str_addc(out, '\n');
}

void options_help(const struct option_row *rows, size_t n, struct str *out)
{
	size_t width = strlen("--help, -h");
	for (size_t i = 0; i < n; i++) {
		AUTO_STR left = STR_INIT;
		add_left(&rows[i], &left);
		if (!rows[i].hidden && left.len <= COLUMN_MAX)
			width = MAX(width, left.len);
	}
	for (size_t i = 0; i < n; i++) {
		AUTO_STR left = STR_INIT;
		if (rows[i].hidden)
			continue;
		add_left(&rows[i], &left);
		add_line(str_text(&left), width, rows[i].help, rows[i].fallback, rows[i].kind == OPTION_TEXT, out);
	}
	add_line("--help, -h", width, "show help", NULL, false, out);
}

void options_words(const struct option_row *rows, size_t n, struct str *out)
{
	for (size_t i = 0; i < n; i++) {
		if (rows[i].hidden)
			continue;
		str_addf(out, "--%s\n", rows[i].name);
		if (rows[i].letter)
			str_addf(out, "-%c\n", rows[i].letter);
	}
}
