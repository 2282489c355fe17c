/* The cache's scanner on bytes of any kind, and objects made of them: what comes out of the scanner lies inside of what
 * went in, an object of valid JSON stays valid JSON with its revision in it, and its header can be walked. */
#include <jansson.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cp/cache/internal.h"
#include "cp/cache/scan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const paths[] = {"spec.nodeName", "status.phase", "a.b.c", "metadata.name", "type", NULL};

static void inside(struct span s, const char *bytes, size_t n)
{
	if (s.p && (s.p < bytes || s.n > n || (size_t)(s.p - bytes) > n - s.n))
		abort();
}

static int add_value(void *arg, struct span key, struct span value)
{
	(void)key;
	scan_add_text(arg, value);
	return 0;
}

/* Text out of a span has no NUL: the object's header relies on it. */
static void check_text(struct span s)
{
	AUTO_STR text = STR_INIT;
	scan_add_text(&text, s);
	if (text.len && memchr(text.p, 0, text.len))
		abort();
	str_reset(&text);
	if (s.p)
		(void)scan_members(s, add_value, &text);
}

static void check_json(const uint8_t *data, size_t size, const struct cobj *o)
{
	json_t *before = json_loadb((const char *)data, size, JSON_DISABLE_EOF_CHECK, NULL);
	json_t *after = json_loadb(o->json->data, o->json->len, 0, NULL);
	/* jansson refuses some of what the scanner lets pass, but never the other way round. */
	if (before && !after)
		abort();
	const char *rev = json_string_value(json_object_get(json_object_get(after, "metadata"), "resourceVersion"));
	if (before && (!rev || strcmp(rev, "77") != 0) && !strchr(o->json->data, '\\'))
		abort();
	json_decref(before);
	json_decref(after);
}

static void check_object(const uint8_t *data, size_t size)
{
	static const char *const absent[ARRAY_LEN(paths)] = {"", "Pending", "", "", ""};
	struct bucket b = {.namespaced = true, .fields = (char **)paths, .absent = (char **)absent};
	AUTO_BUF *bytes = buf_new(data, size);
	AUTO_COBJ *o = object_new(&b, "ns/name", bytes, 77, 5);
	struct cobj_owner w;
	if (!o)
		return;
	check_json(data, size, o);
	for (size_t i = 0; paths[i]; i++)
		if (!cobj_field(o, paths[i]))
			abort();
	(void)cobj_label(o, "not there");
	for (size_t i = 0; cobj_owner(o, i, &w); i++)
		if (!*w.uid)
			abort();
	AUTO_BUF *later = object_at_revision(o, 123456);
	if (later->len < o->json->len)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *bytes = (const char *)data;
	struct scan s;
	if (scan_object(bytes, size, paths, &s) == 0) {
		const struct span spans[] = {s.uid,       s.labels,    s.owners,    s.revision,
					     s.fields[0], s.fields[1], s.fields[2], s.fields[3]};
		for (size_t i = 0; i < ARRAY_LEN(spans); i++) {
			inside(spans[i], bytes, size);
			check_text(spans[i]);
		}
		if (s.splice > size)
			abort();
	}
	check_object(data, size);
	return 0;
}
