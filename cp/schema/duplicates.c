/* Finds members that stand twice in one object. JSON parsers keep the last one silently; strict field validation wants
 * to know, and what decoding found unknown told in the order of the text.
 *
 * The text is scanned once with a stack of open containers; every key goes into one hash table together with the number
 * of its object. -EINVAL when the text is not JSON (the scan is as strict as finding keys needs, no stricter), -E2BIG
 * beyond MAX_DEPTH. What always holds: time and memory are linear in the length of the text. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/map.h"
#include "base/mem.h"
#include "cp/schema/internal.h"

#define MAX_DEPTH 2048

struct level {
	bool array;
	uint32_t object; /* its number; arrays: unused */
	size_t index;    /* arrays: of the current element */
	const char *key; /* objects: the current member, without quotes */
	size_t key_len;
	bool unknown; /* objects: the current member is one of those that the schema does not know */
};

struct slot {
	uint32_t object; /* 0: free */
	uint32_t len;
	const char *key;
};

struct scanner {
	const char *at, *end;
	struct level *levels;
	size_t depth, levels_cap;
	uint32_t objects;
	struct slot *slots;
	size_t n_slots, used;
	struct map *unknown; /* message -> non-NULL until it is told; NULL: there is none */
	struct map *told;    /* messages */
	char ***dups;
};

static uint64_t hash_key(uint32_t object, const char *key, size_t len)
{
	uint64_t h = 14695981039346656037u ^ object;

	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)key[i]) * 1099511628211u;
	return h ^ (h >> 32);
}

static struct slot *find_slot(struct slot *slots, size_t n, uint32_t object, const char *key, size_t len)
{
	size_t i = hash_key(object, key, len) & (n - 1);

	while (slots[i].object &&
	       !(slots[i].object == object && slots[i].len == len && !memcmp(slots[i].key, key, len)))
		i = (i + 1) & (n - 1);
	return &slots[i];
}

static void grow_slots(struct scanner *s)
{
	size_t n = s->n_slots ? s->n_slots * 2 : 256;
	struct slot *slots = xcalloc(n, sizeof(*slots));

	for (size_t i = 0; i < s->n_slots; i++)
		if (s->slots[i].object)
			*find_slot(slots, n, s->slots[i].object, s->slots[i].key, s->slots[i].len) = s->slots[i];
	free(s->slots);
	s->slots = slots;
	s->n_slots = n;
}

static char *here(const struct scanner *s)
{
	struct str path = STR_INIT;

	for (size_t i = 0; i < s->depth; i++) {
		const struct level *l = &s->levels[i];

		if (l->array)
			str_addf(&path, "[%zu]", l->index);
		else
			str_addf(&path, "%s%.*s", path.len ? "." : "", (int)MIN(l->key_len, (size_t)1024), l->key);
	}
	return str_take(&path);
}

/* What is below a member that is not known is not looked at. */
static bool below_unknown(const struct scanner *s)
{
	for (size_t i = 0; i + 1 < s->depth; i++)
		if (s->levels[i].unknown)
			return true;
	return false;
}

static void tell(struct scanner *s, const char *message)
{
	if (map_has(s->told, message))
		return;
	map_set(s->told, message, s);
	strv_add(s->dups, message);
}

/* A member that is unknown is told as such only, however often it stands there. */
static void report(struct scanner *s, bool repeated)
{
	struct level *l = &s->levels[s->depth - 1];
	AUTO_FREE char *path = NULL, *text = NULL;

	l->unknown = false;
	if ((!repeated && !s->unknown) || below_unknown(s))
		return;
	path = here(s);
	text = xasprintf("unknown field \"%s\"", path);
	l->unknown = s->unknown && map_has(s->unknown, text);
	if (l->unknown) {
		tell(s, text);
	} else if (repeated) {
		AUTO_FREE char *twice = xasprintf("duplicate field \"%s\"", path);
		tell(s, twice);
	}
}

static void note_key(struct scanner *s, const char *key, size_t len)
{
	struct level *l = &s->levels[s->depth - 1];
	struct slot *slot;

	if (s->used * 2 >= s->n_slots)
		grow_slots(s);
	l->key = key;
	l->key_len = len;
	slot = find_slot(s->slots, s->n_slots, l->object, key, len);
	report(s, slot->object);
	if (slot->object)
		return;
	*slot = (struct slot){.object = l->object, .len = (uint32_t)len, .key = key};
	s->used++;
}

/* Stands on the opening quote; goes behind the closing one. */
static int skip_string(struct scanner *s, const char **ret, size_t *ret_len)
{
	const char *start = ++s->at;

	while (s->at < s->end && *s->at != '"')
		s->at += *s->at == '\\' ? 2 : 1;
	if (s->at >= s->end)
		return -EINVAL;
	*ret = start;
	*ret_len = (size_t)(s->at++ - start);
	return 0;
}

static int open_level(struct scanner *s, bool array)
{
	if (s->depth == MAX_DEPTH)
		return -E2BIG;
	if (s->depth == s->levels_cap) {
		s->levels_cap = s->levels_cap ? s->levels_cap * 2 : 32;
		s->levels = xreallocarray(s->levels, s->levels_cap, sizeof(*s->levels));
	}
	s->levels[s->depth++] = (struct level){.array = array, .object = array ? 0 : ++s->objects};
	s->at++;
	return 0;
}

/* A string is a key when it stands in an object and a colon follows. */
static int scan_string(struct scanner *s)
{
	const char *text;
	size_t len;
	int r = skip_string(s, &text, &len);

	if (r < 0)
		return r;
	while (s->at < s->end && strchr(" \t\r\n", *s->at))
		s->at++;
	if (s->at < s->end && *s->at == ':') {
		if (!s->depth || s->levels[s->depth - 1].array)
			return -EINVAL;
		note_key(s, text, len);
	}
	return 0;
}

static int scan(struct scanner *s)
{
	int r = 0;

	while (!r && s->at < s->end) {
		switch (*s->at) {
		case '"':
			r = scan_string(s);
			break;
		case '{':
		case '[':
			r = open_level(s, *s->at == '[');
			break;
		case '}':
		case ']':
			if (!s->depth || s->levels[s->depth - 1].array != (*s->at == ']'))
				return -EINVAL;
			s->depth--;
			s->at++;
			break;
		default:
			if (*s->at == ',' && s->depth)
				s->levels[s->depth - 1].index++;
			s->at++;
		}
	}
	return r < 0 ? r : s->depth ? -EINVAL : 0;
}

int schema_find_duplicates(const char *text, size_t len, char *const *unknown, char ***dups)
{
	AUTO_MAP *known = unknown ? map_new(NULL) : NULL, *told = map_new(NULL);
	struct scanner s = {.at = text, .end = text + len, .unknown = known, .told = told, .dups = dups};
	int r;

	for (size_t i = 0; unknown && unknown[i]; i++)
		map_set(known, unknown[i], &s);
	r = scan(&s);
	for (size_t i = 0; !r && unknown && unknown[i]; i++)
		tell(&s, unknown[i]);
	free(s.levels);
	free(s.slots);
	return r;
}
