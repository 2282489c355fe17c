/* Objects: the header that is read from their bytes once, and the bytes with their revision in them. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "cp/cache/internal.h"
#include "cp/cache/scan.h"

static struct object *full(const void *o)
{
	return CONTAINER_OF(o, struct object, pub);
}

/* The bytes with resourceVersion rev: in place of one that is there, else behind the uid. */
static struct buf *splice(const char *bytes, size_t len, const struct scan *s, uint64_t rev)
{
	char text[64];
	size_t at, skip;
	if (s->revision.p) {
		snprintf(text, sizeof(text), "\"%" PRIu64 "\"", rev);
		at = (size_t)(s->revision.p - bytes);
		skip = s->revision.n;
	} else {
		snprintf(text, sizeof(text), "%s\"resourceVersion\":\"%" PRIu64 "\"%s",
			 s->splice_comma_before ? "," : "", rev, s->splice_comma_before || s->meta_empty ? "" : ",");
		at = s->splice;
		skip = 0;
	}
	size_t n = strlen(text);
	struct buf *b = buf_alloc(len - skip + n);
	memcpy(b->data, bytes, at);
	memcpy(b->data + at, text, n);
	memcpy(b->data + at + n, bytes + at + skip, len - at - skip);
	return b;
}

static void add_z(struct str *out, struct span raw)
{
	scan_add_text(out, raw);
	str_addc(out, '\0');
}

static int add_label(void *arg, struct span key, struct span v)
{
	struct str *out = arg;
	if (!key.n)
		return 0;
	str_addn(out, key.p, key.n);
	str_addc(out, '\0');
	add_z(out, v);
	return 0;
}

struct owner_spans {
	struct span uid, kind, name, api_version;
	bool controller, block;
};

static int owner_member(void *arg, struct span key, struct span v)
{
	struct owner_spans *o = arg;
	const struct {
		const char *name;
		struct span *to;
	} members[] = {{"uid", &o->uid}, {"kind", &o->kind}, {"name", &o->name}, {"apiVersion", &o->api_version}};
	for (size_t i = 0; i < ARRAY_LEN(members); i++)
		if (key.n == strlen(members[i].name) && !memcmp(key.p, members[i].name, key.n))
			*members[i].to = v;
	if (key.n == 10 && !memcmp(key.p, "controller", 10))
		o->controller = *v.p == 't';
	if (key.n == 18 && !memcmp(key.p, "blockOwnerDeletion", 18))
		o->block = *v.p == 't';
	return 0;
}

static int add_owner(void *arg, struct span key, struct span v)
{
	struct str *out = arg;
	struct owner_spans o = {0};
	(void)key;
	if (scan_members(v, owner_member, &o) < 0 || !o.uid.p || o.uid.n <= 2)
		return 0;
	add_z(out, o.uid);
	add_z(out, o.kind);
	add_z(out, o.name);
	add_z(out, o.api_version);
	str_addc(out, (char)('0' + o.controller + 2 * o.block));
	str_addc(out, '\0');
	return 0;
}

static void add_span_z(struct str *out, struct span s)
{
	str_addn(out, s.p ? s.p : "", s.n);
	str_addc(out, '\0');
}

static bool is_null(struct span s)
{
	return !s.p || (s.n == 4 && !memcmp(s.p, "null", 4));
}

struct cobj *object_new(const struct bucket *b, const char *key, const struct buf *value, uint64_t rev,
			uint64_t create_rev)
{
	struct scan s;
	if (scan_object(value->data, value->len, (const char *const *)b->paths, &s) < 0)
		return NULL;
	const char *slash = b->namespaced ? strchr(key, '/') : NULL, *name = slash ? slash + 1 : key;
	static struct str text;
	str_reset(&text);
	add_span_z(&text, (struct span){key, slash ? (size_t)(slash - key) : 0});
	size_t name_at = text.len;
	add_span_z(&text, (struct span){name, strlen(name)});
	size_t uid_at = text.len;
	add_span_z(&text, s.uid);
	size_t labels_at = text.len;
	if (s.labels.p && *s.labels.p == '{')
		(void)scan_members(s.labels, add_label, &text);
	str_addc(&text, '\0');
	size_t fields_at = text.len;
	for (size_t i = 0; b->fields && b->fields[i]; i++) {
		bool absent = is_null(s.fields[i]);
		str_addc(&text, absent ? 2 : 1);
		add_z(&text, absent ? (struct span){NULL, 0} : s.fields[i]);
	}
	size_t owners_at = text.len;
	if (s.owners.p && *s.owners.p == '[')
		(void)scan_members(s.owners, add_owner, &text);
	str_addc(&text, '\0');
	struct object *o = xmalloc(sizeof(*o) + text.len);
	memcpy(o->text, text.p, text.len);
	o->bucket = b;
	o->labels = (uint32_t)labels_at;
	o->fields = (uint32_t)fields_at;
	o->owners = (uint32_t)owners_at;
	o->rings = 0;
	o->current = false;
	o->pub = (struct cobj){.refs = 1,
			       .rev = rev,
			       .create_rev = create_rev,
			       .json = splice(value->data, value->len, &s, rev),
			       .ns = o->text,
			       .name = o->text + name_at,
			       .uid = o->text + uid_at,
			       .deleting = s.deleting};
	return &o->pub;
}

struct buf *object_at_revision(const struct cobj *o, uint64_t rev)
{
	struct scan s;
	if (scan_object(o->json->data, o->json->len, NULL, &s) < 0)
		return buf_ref(o->json);
	return splice(o->json->data, o->json->len, &s, rev);
}

struct cobj *cobj_ref(struct cobj *o)
{
	o->refs++;
	return o;
}

void cobj_unref(struct cobj *o)
{
	if (!o || --o->refs)
		return;
	buf_unref(o->json);
	free(full(o));
}

void cobj_unref_ptr(struct cobj **o)
{
	cobj_unref(*o);
	*o = NULL;
}

const char *cobj_label(const void *o, const char *key)
{
	for (const char *p = full(o)->text + full(o)->labels; *p;) {
		const char *v = p + strlen(p) + 1;
		if (!strcmp(p, key))
			return v;
		p = v + strlen(v) + 1;
	}
	return NULL;
}

bool object_selects_alike(const struct cobj *a, const struct cobj *b)
{
	const struct object *x = full(a), *y = full(b);
	size_t n = x->owners - x->labels; /* fields stand between the two */
	return !x->bucket->any_field && x->bucket == y->bucket && n == y->owners - y->labels &&
	       memcmp(x->text + x->labels, y->text + y->labels, n) == 0;
}

struct cache *object_cache(const struct cobj *o)
{
	return full(o)->bucket->cache;
}

void object_each_label(const struct cobj *o, void (*fn)(void *arg, const char *key, const char *value), void *arg)
{
	for (const char *p = full(o)->text + full(o)->labels; *p;) {
		const char *v = p + strlen(p) + 1;
		fn(arg, p, v);
		p = v + strlen(v) + 1;
	}
}

const char *object_field_nth(const struct cobj *o, size_t n)
{
	const char *p = full(o)->text + full(o)->fields;
	while (n--)
		p += strlen(p) + 1;
	return *p == 1 ? p + 1 : NULL;
}

/* A field that nobody keeps: valid until the next one is looked for. */
static const char *look_for(const struct cobj *o, const char *path)
{
	static struct str text;
	const char *const paths[] = {path, NULL};
	struct scan s;
	str_reset(&text);
	if (scan_object(o->json->data, o->json->len, paths, &s) >= 0 && !is_null(s.fields[0]))
		scan_add_text(&text, s.fields[0]);
	return str_text(&text);
}

const char *cobj_field(const void *o, const char *path)
{
	const struct cobj *c = o;
	const struct bucket *b = full(o)->bucket;
	if (!strcmp(path, "metadata.name"))
		return c->name;
	if (!strcmp(path, "metadata.namespace"))
		return c->ns;
	for (size_t i = 0; b->fields && b->fields[i]; i++) {
		if (strcmp(b->fields[i], path))
			continue;
		const char *v = object_field_nth(c, i);
		return v ? v : b->absent[i];
	}
	return b->any_field ? look_for(c, path) : NULL;
}

bool cobj_owner(const struct cobj *o, size_t i, struct cobj_owner *ret)
{
	for (const char *p = full(o)->text + full(o)->owners; *p;) {
		const char *part[5];
		for (size_t n = 0; n < 5; n++) {
			part[n] = p;
			p += strlen(p) + 1;
		}
		if (i--)
			continue;
		*ret = (struct cobj_owner){.uid = part[0],
					   .kind = part[1],
					   .name = part[2],
					   .api_version = part[3],
					   .controller = (*part[4] - '0') & 1,
					   .block = (*part[4] - '0') & 2};
		return true;
	}
	return false;
}

const char *cobj_controller_uid(const struct cobj *o)
{
	struct cobj_owner w;
	for (size_t i = 0; cobj_owner(o, i, &w); i++)
		if (w.controller)
			return w.uid;
	return NULL;
}

json_t *cobj_parse(const struct cobj *o)
{
	json_t *j = NULL;
	return json_parse(o->json->data, o->json->len, &j, NULL) == 0 ? j : json_object();
}

enum { KEPT = 64 };

/* Each stands at the place that its address gives. */
const json_t *cobj_value(struct cobj *o)
{
	static struct {
		struct cobj *o;
		json_t *value;
	} kept[KEPT];
	size_t i = ((uintptr_t)o >> 6) % KEPT;
	if (kept[i].o != o) {
		cobj_unref(kept[i].o);
		json_decref(kept[i].value);
		kept[i].o = cobj_ref(o);
		kept[i].value = cobj_parse(o);
	}
	return kept[i].value;
}

static size_t common_prefix(const char *a, const char *b, size_t n)
{
	size_t i = 0;
	while (i < n && a[i] == b[i])
		i++;
	return i;
}

static size_t revision_member(const struct cobj *o, char ret[static 48])
{
	return (size_t)snprintf(ret, 48, ",\"resourceVersion\":\"%" PRIu64 "\"", o->rev);
}

bool cobj_is_as_long(const struct cobj *o, const struct buf *stored)
{
	char member[48];
	return o->json->len == stored->len + revision_member(o, member);
}

bool cobj_is_same(const struct cobj *o, const struct buf *stored)
{
	char member[48];
	const struct buf *now = o->json;
	size_t n = revision_member(o, member);
	if (now->len != stored->len + n)
		return false;
	/* The two part in the spliced member, which may begin like what is behind it. */
	size_t parted = common_prefix(now->data, stored->data, stored->len), from = parted > n ? parted - n : 0;
	const char *at = memmem(now->data + from, MIN(now->len - from, 2 * n), member, n);
	size_t before = at ? (size_t)(at - now->data) : 0;
	return at && before <= parted && memcmp(at + n, stored->data + before, stored->len - before) == 0;
}
