/* JSON values as YAML text. Purpose: answers for Accept: application/yaml. Happy path: block style with sorted keys,
 * plain scalars where they read back as the same text, else double quotes (JSON escapes are YAML escapes). Nothing
 * fails. */
#include <stdlib.h>
#include <string.h>

#include "api/yaml.h"
#include "base/json.h"
#include "base/mem.h"

enum { KEY_MAX_PLAIN = 128 }; /* a reader looks only so far (1,024) for the colon behind a key */

/* Characters that are no text for a YAML reader or break lines: how many bytes of p are one, 0 for none. */
static size_t unreadable(const char *p, unsigned *ret)
{
	const unsigned char *u = (const unsigned char *)p;
	if (u[0] == 0x7f) {
		*ret = 0x7f;
		return 1;
	}
	if (u[0] == 0xc2 && u[1] < 0xa0) {
		*ret = u[1];
		return 2;
	}
	if ((u[0] == 0xe2 && u[1] == 0x80 && (u[2] == 0xa8 || u[2] == 0xa9)) || (u[0] == 0xef && u[1] == 0xbb && u[2] == 0xbf) ||
	    (u[0] == 0xef && u[1] == 0xbf && u[2] >= 0xbe)) {
		*ret = (u[0] & 0xfU) << 12 | (u[1] & 0x3fU) << 6 | (u[2] & 0x3fU);
		return 3;
	}
	return 0;
}

static void write_quoted(struct str *out, const char *s)
{
	AUTO_STR json = STR_INIT;
	unsigned c;
	str_add_json(&json, s);
	for (const char *p = json.p; *p;) {
		size_t n = unreadable(p, &c);
		if (n)
			str_addf(out, "\\u%04x", c);
		else
			str_addc(out, *p);
		p += n ? n : 1;
	}
}

static bool plain_is_safe(const char *s)
{
	unsigned c;

	if (!*s || strchr(" -?:,[]{}#&*!|>'\"%@`~=<.+0123456789", *s))
		return false;
	if (strstr(s, ": ") || strstr(s, " #") || s[strlen(s) - 1] == ' ' || s[strlen(s) - 1] == ':')
		return false;
	for (const char *p = s; *p; p++)
		if ((unsigned char)*p < 0x20 || unreadable(p, &c))
			return false;
	static const char *const words[] = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"};
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strcasecmp(words[i], s) == 0)
			return false;
	return true;
}

static void write_text(struct str *out, const char *s)
{
	if (plain_is_safe(s))
		str_add(out, s);
	else
		write_quoted(out, s);
}

static void indent(struct str *out, int depth)
{
	for (int i = 0; i < depth; i++)
		str_add(out, "  ");
}

static bool is_block(const json_t *v)
{
	return (json_is_object(v) && json_object_size(v)) || (json_is_array(v) && json_array_size(v));
}

static void write_block(struct str *out, const json_t *v, int depth, bool hanging);

static void write_scalar(struct str *out, const json_t *v)
{
	if (json_is_string(v))
		write_text(out, json_string_value(v));
	else if (json_is_object(v))
		str_add(out, "{}");
	else if (json_is_array(v))
		str_add(out, "[]");
	else if (json_is_real(v) && json_real_value(v) == 0)
		str_addc(out, '0'); /* of either sign: -0 reads as an integer */
	else
		str_add_jsonv(out, v);
	str_addc(out, '\n');
}

static int compare_keys(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void write_mapping(struct str *out, const json_t *v, int depth, bool hanging)
{
	size_t n = json_object_size(v), i = 0;
	const char **keys = xcalloc(n, sizeof(*keys)), *key;
	json_t *value;
	json_object_foreach((json_t *)v, key, value) keys[i++] = key;
	qsort(keys, n, sizeof(*keys), compare_keys);
	for (i = 0; i < n; i++) {
		value = json_object_get(v, keys[i]);
		if (i || !hanging)
			indent(out, depth);
		bool longer = strlen(keys[i]) > KEY_MAX_PLAIN;
		str_add(out, longer ? "? " : "");
		write_text(out, keys[i]);
		if (longer) {
			str_addc(out, '\n');
			indent(out, depth);
		}
		str_addc(out, ':');
		if (!is_block(value)) {
			str_addc(out, ' ');
			write_scalar(out, value);
			continue;
		}
		str_addc(out, '\n');
		/* Lists stand at the indentation of their key. */
		write_block(out, value, json_is_array(value) ? depth : depth + 1, false);
	}
	free(keys);
}

static void write_block(struct str *out, const json_t *v, int depth, bool hanging)
{
	if (json_is_object(v)) {
		write_mapping(out, v, depth, hanging);
		return;
	}
	size_t i;
	json_t *value;
	json_array_foreach(v, i, value)
	{
		if (i || !hanging)
			indent(out, depth);
		str_add(out, "- ");
		if (is_block(value))
			write_block(out, value, depth + 1, true);
		else
			write_scalar(out, value);
	}
}

void yaml_write(struct str *out, const json_t *v)
{
	if (is_block(v))
		write_block(out, v, 0, false);
	else
		write_scalar(out, v);
}
