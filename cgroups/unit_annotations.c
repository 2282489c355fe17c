/* Annotations org.systemd.property.NAME: properties in GVariant's text form.
 *
 * Happy path: "'text'", "true", "5", "uint64 5", "['a', 'b']", "@as []". What can fail: anything else (-EINVAL with the
 * annotation). What always holds: a value is copied with a type that was read in full. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "cgroups/dbus_message.h"
#include "cgroups/unit_plan.h"

#define PREFIX "org.systemd.property."

static const struct {
	const char *word;
	char type;
} type_words[] = { { "boolean ", 'b' }, { "byte ", 'y' },  { "int16 ", 'n' }, { "uint16 ", 'q' }, { "int32 ", 'i' },
		   { "uint32 ", 'u' },	{ "int64 ", 'x' }, { "uint64 ", 't' }, { "double ", 'd' }, { "string ", 's' } };

struct value {
	char type;
	int64_t number;
	double real;
	char *text; /* owned */
};

static const char *skip(const char *p)
{
	return p + strspn(p, " \t\n");
}

/* 'text' or "text" with \ before what is meant literally. */
static int read_text(const char **at, struct value *v)
{
	const char *p = *at;
	char quote = *p++;
	AUTO_STR out = STR_INIT;
	for (; *p && *p != quote; p++) {
		if (*p == '\\' && p[1])
			p++;
		str_addc(&out, *p);
	}
	if (*p != quote || (v->type && v->type != 's'))
		return -EINVAL;
	v->type = 's';
	v->text = str_take(&out);
	*at = p + 1;
	return 0;
}

static int read_number(const char **at, struct value *v)
{
	char *end, *real_end;
	errno = 0;
	v->number = v->type == 't' ? (int64_t)strtoull(*at, &end, 0) : strtoll(*at, &end, 0);
	if (errno || v->type == 's' || v->type == 'b')
		return -EINVAL;
	v->real = strtod(*at, &real_end);
	if (real_end > end && (!v->type || v->type == 'd')) {
		v->type = 'd';
		end = real_end;
	}
	if (end == *at)
		return -EINVAL;
	if (!v->type)
		v->type = 'i';
	*at = end;
	return 0;
}

static int read_scalar(const char **at, char type, struct value *ret)
{
	struct value v = { .type = type };
	const char *p = skip(*at);
	for (size_t i = 0; i < ARRAY_LEN(type_words); i++)
		if (str_has_prefix(p, type_words[i].word)) {
			v.type = type_words[i].type;
			p = skip(p + strlen(type_words[i].word));
			break;
		}
	if (p[0] == '@' && p[1] && p[2] == ' ') {
		v.type = p[1];
		p = skip(p + 3);
	}
	int r = 0;
	bool yes = str_has_prefix(p, "true"), no = str_has_prefix(p, "false");
	if (*p == '\'' || *p == '"') {
		r = read_text(&p, &v);
	} else if (yes || no) {
		r = v.type && v.type != 'b' ? -EINVAL : 0;
		v.type = 'b';
		v.number = yes;
		p += yes ? 4 : 5;
	} else {
		r = read_number(&p, &v);
	}
	*at = skip(p);
	*ret = v;
	return r;
}

static int add_u16(struct str *out, int64_t n)
{
	uint16_t v = (uint16_t)n;
	dbus_add_align(out, 2);
	str_addn(out, &v, sizeof(v)); /* little-endian machines only, as the whole node */
	return 0;
}

static size_t align_of(char type)
{
	return strchr("y", type) ? 1 : strchr("nq", type) ? 2 : strchr("xtd", type) ? 8 : 4;
}

static int add_value(struct str *out, const struct value *v)
{
	uint64_t bits;
	switch (v->type) {
	case 's':
		dbus_add_text(out, v->text);
		return 0;
	case 'y':
		str_addc(out, (char)v->number);
		return 0;
	case 'n':
	case 'q':
		return add_u16(out, v->number);
	case 'b':
	case 'i':
	case 'u':
		dbus_add_u32(out, (uint32_t)v->number);
		return 0;
	case 'x':
	case 't':
		dbus_add_u64(out, (uint64_t)v->number);
		return 0;
	case 'd':
		memcpy(&bits, &v->real, sizeof(bits));
		dbus_add_u64(out, bits);
		return 0;
	default:
		return -EINVAL;
	}
}

/* The type that the first element makes the array's. */
static char first_type(const char *p)
{
	struct value v = { 0 };
	int r = *p == ']' ? -EINVAL : read_scalar(&p, '\0', &v);
	free(v.text);
	return r < 0 ? '\0' : v.type;
}

static int add_array(struct str *out, const char *p, char type)
{
	p = skip(p + 1);
	if (!type)
		type = first_type(p);
	if (!type || !strchr("ybnqiuxtds", type))
		return -EINVAL;
	const char signature[] = { 'a', type, '\0' };
	dbus_add_signature(out, signature);
	size_t a = dbus_array_begin(out, align_of(type));
	while (*p != ']') {
		struct value v = { 0 };
		int r = read_scalar(&p, type, &v);
		AUTO_FREE char *text = v.text;
		if (r < 0 || v.type != type || (*p != ',' && *p != ']') || add_value(out, &v) < 0)
			return -EINVAL;
		p = *p == ',' ? skip(p + 1) : p;
	}
	dbus_array_end(out, a, align_of(type));
	return *skip(p + 1) ? -EINVAL : 0;
}

/* TimeoutStopSec is TimeoutStopUSec on the bus, in microseconds. */
static int to_microseconds(struct value *v)
{
	if (v->type == 's' || v->type == 'b')
		return -EINVAL;
	v->number = v->type == 'd' ? (int64_t)(v->real * 1000000) : v->number * 1000000;
	v->type = 't';
	return 0;
}

static int add_property(struct str *out, const char *name, const char *text)
{
	size_t n = strlen(name);
	bool seconds = n > 3 && str_has_suffix(name, "Sec") && islower((unsigned char)name[n - 4]);
	AUTO_FREE char *full = seconds ? xasprintf("%.*sUSec", (int)(n - 3), name) : xstrdup(name);
	const char *p = skip(text);
	char type = '\0';
	dbus_add_align(out, 8);
	dbus_add_text(out, full);
	if (p[0] == '@' && p[1] == 'a' && p[2] && p[3] == ' ') {
		type = p[2];
		p = skip(p + 4);
	}
	if (*p == '[')
		return seconds ? -EINVAL : add_array(out, p, type);
	struct value v = { 0 };
	int r = type ? -EINVAL : read_scalar(&p, '\0', &v);
	AUTO_FREE char *owned = v.text;
	if (r == 0 && *p)
		r = -EINVAL;
	if (r == 0 && seconds)
		r = to_microseconds(&v);
	if (r < 0)
		return r;
	const char signature[] = { v.type, '\0' };
	dbus_add_signature(out, signature);
	return add_value(out, &v);
}

static bool valid_property(const char *name)
{
	size_t n = strlen(name);
	for (const char *p = name; *p; p++)
		if (!isalpha((unsigned char)*p))
			return false;
	return n >= 3 && n < 100;
}

int unit_add_annotations(struct str *out, const json_t *annotations, struct err *e)
{
	const char *key;
	json_t *v;
	json_object_foreach((json_t *)annotations, key, v)
	{
		if (!str_has_prefix(key, PREFIX))
			continue;
		const char *name = key + strlen(PREFIX), *text = json_string_value(v);
		if (!valid_property(name))
			return err_set(e, -EINVAL, "annotation %.200s name incorrect", key);
		if (!text || add_property(out, name, text) < 0)
			return err_set(e, -EINVAL, "annotation %.200s=%.200s value parse error", key, text ? text : "");
	}
	return 0;
}
