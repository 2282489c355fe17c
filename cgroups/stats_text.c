/* The pieces of the statistics' text. What always holds: whatever the kernel's text is, the result is JSON. */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cgroups/stats.h"

#define RANGE_MAX 65536

static void add_key(struct str *out, const char *name)
{
	if (out->len && !strchr("{[,", out->p[out->len - 1]))
		str_addc(out, ',');
	str_add_json(out, name);
	str_addc(out, ':');
}

/* Between the elements of an array. */
static void add_comma(struct str *out)
{
	if (out->len && out->p[out->len - 1] != '[')
		str_addc(out, ',');
}

void stats_open(struct str *out, const char *name)
{
	add_key(out, name);
	str_addc(out, '{');
}

void stats_close(struct str *out)
{
	str_addc(out, '}');
}

void stats_number(struct str *out, const char *name, uint64_t value, bool always)
{
	if (!value && !always)
		return;
	add_key(out, name);
	str_addf(out, "%" PRIu64, value);
}

static bool number_at(const char *s, uint64_t *ret)
{
	char *end;
	if (!isdigit((unsigned char)*s))
		return false;
	*ret = strtoull(s, &end, 10);
	return true;
}

void stats_flat(struct str *out, const char *name, const char *text)
{
	if (str_empty(text))
		return;
	AUTO_STRV char **lines = str_split(text, '\n');
	stats_open(out, name);
	for (size_t i = 0; i < strv_len(lines); i++) {
		char *blank = strchr(lines[i], ' ');
		uint64_t n;
		if (!blank || !number_at(blank + 1, &n))
			continue;
		*blank = '\0';
		stats_number(out, lines[i], n, true);
	}
	stats_close(out);
}

/* "avg10=1.25": digits and one dot are a JSON number as they stand. */
static void add_average(struct str *out, const char *word)
{
	const char *value = strchr(word, '=');
	size_t n = value ? strspn(value + 1, "0123456789.") : 0;
	if (!n || !isdigit((unsigned char)value[1]) || value[n] == '.' || strlen(value + 1) != n)
		return;
	AUTO_FREE char *name = xstrndup(word, (size_t)(value - word));
	add_key(out, name);
	const char *first = value + 1 + strspn(value + 1, "0"); /* JSON has no leading zeros */
	str_addf(out, "%s%s", isdigit((unsigned char)*first) ? "" : "0", first);
}

void stats_pressure(struct str *out, const char *text)
{
	if (str_empty(text))
		return;
	AUTO_STRV char **lines = str_split(text, '\n');
	stats_open(out, "psi");
	for (size_t i = 0; i < strv_len(lines); i++) {
		AUTO_STRV char **words = str_split(lines[i], ' ');
		if (strv_len(words) < 2)
			continue;
		stats_open(out, words[0]);
		for (size_t k = 1; words[k]; k++)
			add_average(out, words[k]);
		stats_close(out);
	}
	stats_close(out);
}

void stats_list(struct str *out, const char *name, const char *text)
{
	uint64_t n;
	if (str_empty(text) || !number_at(text, &n))
		return;
	AUTO_STRV char **words = str_split(text, ' ');
	add_key(out, name);
	str_addc(out, '[');
	for (size_t i = 0; words[i]; i++)
		if (number_at(words[i], &n)) {
			add_comma(out);
			str_addf(out, "%" PRIu64, n);
		}
	str_addc(out, ']');
}

void stats_ranges(struct str *out, const char *name, const char *text)
{
	uint64_t n;
	if (str_empty(text) || !number_at(text, &n))
		return;
	AUTO_STRV char **parts = str_split(text, ',');
	add_key(out, name);
	str_addc(out, '[');
	for (size_t i = 0; parts[i]; i++) {
		const char *dash = strchr(parts[i], '-');
		uint64_t last;
		if (!number_at(parts[i], &n))
			continue;
		if (!dash || !number_at(dash + 1, &last))
			last = n;
		for (; n <= last && n < RANGE_MAX; n++) {
			add_comma(out);
			str_addf(out, "%" PRIu64, n);
		}
	}
	str_addc(out, ']');
}

void stats_column(struct str *out, const char *name, const char *text, unsigned column)
{
	AUTO_STRV char **lines = str_split(text ? text : "", '\n');
	AUTO_STR list = STR_INIT;
	for (size_t i = 1; i < strv_len(lines); i++) {
		AUTO_STRV char **words = str_split(lines[i], ' ');
		if (strv_len(words) > column)
			str_addf(&list, "%s%s", list.len ? " " : "", words[column]);
	}
	stats_list(out, name, str_text(&list));
}

static void add_entry(struct str *out, uint64_t major, uint64_t minor, const char *op, uint64_t value)
{
	add_comma(out);
	str_addc(out, '{');
	stats_number(out, "major", major, false);
	stats_number(out, "minor", minor, false);
	if (!str_empty(op)) {
		add_key(out, "op");
		str_add_json(out, op);
	}
	stats_number(out, "value", value, false);
	str_addc(out, '}');
}

/* Opens the array before its first entry, so that without entries there is no member. */
static void begin_entry(struct str *out, const char *name, bool *begun)
{
	if (*begun)
		return;
	add_key(out, name);
	str_addc(out, '[');
	*begun = true;
}

static bool device_of(const char *word, uint64_t *ret_major, uint64_t *ret_minor)
{
	const char *colon = strchr(word, ':');
	return colon && number_at(word, ret_major) && number_at(colon + 1, ret_minor);
}

void stats_blkio(struct str *out, const char *name, const char *text)
{
	bool begun = false;
	uint64_t major, minor, value;
	AUTO_STRV char **lines = str_split(text ? text : "", '\n');
	for (size_t i = 0; i < strv_len(lines); i++) {
		AUTO_STRV char **w = str_split(lines[i], ' ');
		size_t n = strv_len(w);
		if (n < 2 || n > 3 || !device_of(w[0], &major, &minor) || !number_at(w[n - 1], &value))
			continue;
		begin_entry(out, name, &begun);
		add_entry(out, major, minor, n == 3 ? w[1] : "", value);
	}
	if (begun)
		str_addc(out, ']');
}

void stats_io(struct str *out, const char *name, const char *text, const char *read_key, const char *write_key)
{
	const struct {
		const char *key, *op;
	} keys[] = { { read_key, "Read" }, { write_key, "Write" } };
	bool begun = false;
	uint64_t major, minor, value;
	AUTO_STRV char **lines = str_split(text ? text : "", '\n');
	for (size_t i = 0; i < strv_len(lines); i++) {
		AUTO_STRV char **w = str_split(lines[i], ' ');
		if (!w || !device_of(w[0], &major, &minor))
			continue;
		for (size_t k = 0; w[1] && k < ARRAY_LEN(keys) * strv_len(w); k++) {
			const char *word = w[k / ARRAY_LEN(keys)], *key = keys[k % ARRAY_LEN(keys)].key;
			size_t n = strlen(key);
			if (strncmp(word, key, n) || word[n] != '=' || !number_at(word + n + 1, &value))
				continue;
			begin_entry(out, name, &begun);
			add_entry(out, major, minor, keys[k % ARRAY_LEN(keys)].op, value);
		}
	}
	if (begun)
		str_addc(out, ']');
}
