/* config.json from disk.
 *
 * Happy path: read, parse. What can fail: missing file (-ENOENT), syntax (-EINVAL). What always holds: unsigned 64-bit
 * numbers, which limits are full of and the JSON library refuses, are brought down to the largest signed one, which
 * every limit takes as "none"; but the operands of seccomp keep their bits. */
#include "runtime/config_read.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/json.h"

#define CONFIG_MAX (8 << 20)
static const char largest[] = "9223372036854775807";

static bool has_key(const char *start, const char *p, const char *key)
{
	size_t n = strlen(key);
	while (p > start && (isspace((unsigned char)p[-1]) || p[-1] == ':'))
		p--;
	return (size_t)(p - start) >= n && !memcmp(p - n, key, n);
}

/* The operands of seccomp's comparisons need all their 64 bits: they become the signed number with the same ones. Where that
 * has no room (a digit less than the sign asks for), or is none of 64 bits, the number is refused as too large. */
static int make_signed(char *p, size_t n, struct err *e)
{
	char text[24];
	errno = 0;
	unsigned long long value = strtoull(p, NULL, 10);
	size_t m = errno ? 0 : (size_t)snprintf(text, sizeof(text), "%lld", (long long)value);
	if (!m || (m > n && !isspace((unsigned char)p[-1])))
		return err_set(e, -EINVAL, "seccomp: value %.*s is too large", (int)n, p);
	memset(p, ' ', n);
	memcpy(m > n ? p - 1 : p, text, m);
	return 0;
}

static void clamp(char *p, size_t n)
{
	const size_t digits = sizeof(largest) - 1;
	memcpy(p, largest, digits);
	memset(p + digits, ' ', n - digits);
}

/* Integers of 19 and more digits outside strings that exceed the largest become it, padded with blanks. */
static int clamp_numbers(char *p, char *end, struct err *e)
{
	bool in_string = false;
	int r = 0;
	const char *start = p;
	const size_t digits = sizeof(largest) - 1;
	while (r == 0 && p < end) {
		if (*p == '"')
			in_string = !in_string;
		else if (in_string && *p == '\\')
			p++;
		size_t n = 0;
		while (!in_string && p + n < end && isdigit((unsigned char)p[n]))
			n++;
		if (n >= digits && (n > digits || memcmp(p, largest, digits) > 0) && p[-1] != '.' &&
		    !strchr(".eE", p[n] ? p[n] : ' ')) {
			if (has_key(start, p, "\"value\"") || has_key(start, p, "\"valueTwo\""))
				r = make_signed(p, n, e);
			else
				clamp(p, n);
		}
		p += n ? n : 1;
	}
	return r;
}

int config_read_text(char *text, size_t len, json_t **ret, struct err *e)
{
	int r = len && !isdigit((unsigned char)*text) ? clamp_numbers(text, text + len, e) : 0;
	return r < 0 ? r : json_parse(text, len, ret, e);
}

int config_read(const char *bundle, json_t **ret, struct str *ret_text, struct err *e)
{
	AUTO_FREE char *path = xasprintf("%s/config.json", bundle);
	AUTO_STR text = STR_INIT;
	int r = fs_read_file(path, CONFIG_MAX, &text, e);
	if (r == -ENOENT)
		return err_set(e, -ENOENT, "JSON specification file config.json not found");
	if (r == 0)
		r = config_read_text(text.p, text.len, ret, e);
	if (r < 0)
		return err_wrap(e, r, "%s", path);
	if (ret_text) {
		*ret_text = text;
		text = STR_INIT;
	}
	return 0;
}
