/* The image store: opening, looking up, listing, removing.
 *
 * Happy path: names.json gives an id, images/<id>.json the layers, blobs/ the config. What can fail: records that are
 * not there (-ENOENT) or broken (-EINVAL). What always holds: a name points to a complete image, because records are
 * written after layers and names after records; what a crash leaves in tmp/ is removed at the next open. */
#include "rootfs/image_store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/mem.h"
#include "rootfs/digest.h"
#include "rootfs/store_paths.h"

char *store_path(const struct image_store *s, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	AUTO_FREE char *tail = xvasprintf(fmt, ap);
	va_end(ap);
	return xasprintf("%s/%s", s->dir, tail);
}

char *store_layer_dir(const struct image_store *s, const char *chain_id)
{
	return store_path(s, "layers/%.32s", digest_hex(chain_id));
}

int store_lock(const struct image_store *s, struct err *e)
{
	AUTO_FREE char *path = store_path(s, "lock");
	return fs_lock_file(path, e);
}

int store_names(const struct image_store *s, json_t **ret, struct err *e)
{
	AUTO_FREE char *path = store_path(s, "names.json");
	if (!fs_exists(path)) {
		*ret = json_object();
		return 0;
	}
	return json_read_file(path, ret, e);
}

int store_write_names(const struct image_store *s, const json_t *names, struct err *e)
{
	AUTO_FREE char *path = store_path(s, "names.json");
	return json_write_file(path, names, 0644, e);
}

int image_store_open(const char *dir, struct image_store **ret, struct err *e)
{
	static const char *const parts[] = { "blobs/sha256", "layers", "images", "uses", "tmp" };
	struct image_store s = { (char *)dir };
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		AUTO_FREE char *path = store_path(&s, "%s", parts[i]);
		int r = fs_mkdir_p(path, i == 4 ? 0700 : 0755, e);
		if (r < 0)
			return r;
	}
	*ret = xcalloc(1, sizeof(**ret));
	(*ret)->dir = xstrdup(dir);
	return 0;
}

void image_store_close(struct image_store *s)
{
	if (!s)
		return;
	free(s->dir);
	free(s);
}

void image_free(struct image *i)
{
	if (!i)
		return;
	free(i->id);
	free(i->manifest_digest);
	free_strv(&i->names);
	free_strv(&i->layers);
	json_decref(i->config);
	free(i);
}

static void image_free_ptr(struct image **i)
{
	image_free(*i);
	*i = NULL;
}

static int load_layers(const struct image_store *s, const json_t *record, struct image *i, struct err *e)
{
	const json_t *chain = json_object_get(record, "layers");
	for (size_t n = json_array_size(chain); n-- > 0;) {
		const char *id = json_string_value(json_array_get(chain, n));
		if (!digest_hex(id))
			return err_set(e, -EINVAL, "image %s: bad layer in its record", i->id);
		AUTO_FREE char *dir = store_layer_dir(s, id);
		strv_add(&i->layers, dir);
	}
	return 0;
}

static int load_image(const struct image_store *s, const char *id, const json_t *names, struct image **ret, struct err *e)
{
	AUTO_JSON *record = NULL;
	AUTO(image_free_ptr) struct image *i = xcalloc(1, sizeof(*i));
	AUTO_FREE char *path = store_path(s, "images/%s.json", digest_hex(id));
	AUTO_FREE char *config = store_path(s, "blobs/sha256/%s", digest_hex(id));
	i->id = xstrdup(id);
	int r = json_read_file(path, &record, e);
	if (r == 0)
		r = json_read_file(config, &i->config, e);
	if (r == 0)
		r = load_layers(s, record, i, e);
	if (r < 0)
		return r;
	i->manifest_digest = xstrdup(json_str_or(record, "manifest", ""));
	i->size_bytes = (uint64_t)json_int_at(record, "size", 0);
	i->created_ms = json_int_at(record, "imported_ms", 0);
	i->names = xcalloc(1, sizeof(char *));
	const char *name;
	json_t *v;
	json_object_foreach((json_t *)names, name, v)
		if (str_eq(json_string_value(v), id))
			strv_add(&i->names, name);
	*ret = TAKE(i);
	return 0;
}

/* Calls fn with each image id until it returns non-zero. */
static int each_id(const struct image_store *s, int (*fn)(void *arg, const char *id), void *arg, struct err *e)
{
	AUTO_FREE char *path = store_path(s, "images");
	DIR *d = opendir(path);
	if (!d)
		return err_sys(e, "open %s", path);
	int r = 0;
	for (struct dirent *de; r == 0 && (de = readdir(d));) {
		char id[DIGEST_MAX + 8];
		if (strlen(de->d_name) != 69 || !str_has_suffix(de->d_name, ".json"))
			continue;
		memcpy(id, "sha256:", 7);
		memcpy(id + 7, de->d_name, 64);
		id[71] = '\0';
		if (digest_hex(id))
			r = fn(arg, id);
	}
	closedir(d);
	return r;
}

struct by_prefix {
	const struct image_store *s;
	const char *hex;    /* prefix of the id, or */
	const char *digest; /* the manifest's digest */
	char found[DIGEST_MAX];
	int n;
};

static int match_id(void *arg, const char *id)
{
	struct by_prefix *p = arg;
	bool yes = p->hex && str_has_prefix(id + 7, p->hex);
	if (p->digest && !yes) {
		AUTO_JSON *record = NULL;
		AUTO_FREE char *path = store_path(p->s, "images/%s.json", id + 7);
		yes = json_read_file(path, &record, NULL) == 0 && str_eq(json_str_at(record, "manifest"), p->digest);
	}
	if (yes) {
		memcpy(p->found, id, sizeof(p->found));
		p->n++;
	}
	return 0;
}

/* The id that ref means: a full name, an id or its prefix, or a digest behind '@'. */
static int resolve(const struct image_store *s, const char *ref, const json_t *names, char *ret_id, struct err *e)
{
	struct by_prefix p = { .s = s };
	const char *hex = str_has_prefix(ref, "sha256:") ? ref + 7 : ref, *at = strrchr(ref, '@');
	size_t n = strlen(hex);
	AUTO_FREE char *full = NULL;
	if (n >= 12 && n <= 64 && strspn(hex, "0123456789abcdef") == n)
		p.hex = hex;
	else if (at)
		p.digest = at + 1;
	if (!p.hex) {
		int r = image_ref_normalize(ref, &full, e);
		if (r < 0)
			return r;
		const char *id = json_member(names, full);
		if (digest_hex(id)) {
			memcpy(ret_id, id, DIGEST_MAX);
			return 0;
		}
	}
	if (p.hex || p.digest) {
		int r = each_id(s, match_id, &p, e);
		if (r < 0)
			return r;
	}
	if (p.n != 1)
		return err_set(e, p.n ? -EINVAL : -ENOENT, p.n ? "image \"%s\" is ambiguous" : "image \"%s\" not found", ref);
	memcpy(ret_id, p.found, DIGEST_MAX);
	return 0;
}

int image_find(struct image_store *s, const char *ref, struct image **ret, struct err *e)
{
	AUTO_JSON *names = NULL;
	char id[DIGEST_MAX];
	int r = store_names(s, &names, e);
	if (r == 0)
		r = resolve(s, ref, names, id, e);
	return r < 0 ? r : load_image(s, id, names, ret, e);
}

struct listing {
	struct image_store *s;
	const json_t *names;
	struct image **v;
	size_t n;
	struct err *e;
};

static int list_one(void *arg, const char *id)
{
	struct listing *l = arg;
	struct image *i = NULL;
	int r = load_image(l->s, id, l->names, &i, l->e);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	l->v = xreallocarray(l->v, l->n + 1, sizeof(*l->v));
	l->v[l->n++] = i;
	return 0;
}

static int newest_first(const void *a, const void *b)
{
	const struct image *x = *(struct image *const *)a, *y = *(struct image *const *)b;
	return x->created_ms < y->created_ms ? 1 : x->created_ms > y->created_ms ? -1 : strcmp(x->id, y->id);
}

int image_list(struct image_store *s, struct image ***ret, size_t *ret_n, struct err *e)
{
	AUTO_JSON *names = NULL;
	struct listing l = { .s = s, .e = e };
	int r = store_names(s, &names, e);
	l.names = names;
	if (r == 0)
		r = each_id(s, list_one, &l, e);
	if (r < 0) {
		for (size_t i = 0; i < l.n; i++)
			image_free(l.v[i]);
		free(l.v);
		return r;
	}
	if (l.n)
		qsort(l.v, l.n, sizeof(*l.v), newest_first);
	*ret = l.v;
	*ret_n = l.n;
	return 0;
}

static bool in_use(const struct image_store *s, const char *id)
{
	AUTO_FREE char *path = store_path(s, "uses/%s", digest_hex(id));
	/* The directory goes with its last use. */
	return rmdir(path) < 0 && errno != ENOENT;
}

/* Removes the layers that no record names any more. */
static int collect_layers(struct image_store *s, struct image *gone, struct err *e)
{
	struct image **all = NULL;
	size_t n = 0;
	int r = image_list(s, &all, &n, e);
	for (char **layer = gone->layers; r == 0 && layer && *layer; layer++) {
		bool shared = false;
		for (size_t i = 0; i < n && !shared; i++)
			shared = strv_has(all[i]->layers, *layer);
		if (!shared)
			r = fs_remove_tree(*layer, e);
	}
	for (size_t i = 0; i < n; i++)
		image_free(all[i]);
	free(all);
	return r;
}

static int remove_image(struct image_store *s, const char *id, const json_t *names, struct err *e)
{
	AUTO(image_free_ptr) struct image *i = NULL;
	int r = load_image(s, id, names, &i, e);
	if (r < 0)
		return r;
	AUTO_FREE char *record = store_path(s, "images/%s.json", digest_hex(id));
	AUTO_FREE char *config = store_path(s, "blobs/sha256/%s", digest_hex(id));
	AUTO_FREE char *manifest = digest_hex(i->manifest_digest) ? store_path(s, "blobs/sha256/%s", digest_hex(i->manifest_digest)) : NULL;
	if (unlink(record) < 0 && errno != ENOENT)
		return err_sys(e, "remove %s", record);
	unlink(config);
	if (manifest)
		unlink(manifest);
	return collect_layers(s, i, e);
}

int image_remove(struct image_store *s, const char *ref, bool force, struct err *e)
{
	AUTO_JSON *names = NULL;
	AUTO_FREE char *full = NULL;
	char id[DIGEST_MAX];
	AUTO_FD int lock = store_lock(s, e);
	int r = lock < 0 ? lock : store_names(s, &names, e);
	if (r == 0)
		r = resolve(s, ref, names, id, e);
	if (r < 0)
		return r;
	if (image_ref_normalize(ref, &full, NULL) < 0 || !json_object_get(names, full)) {
		const char *name;
		json_t *v;
		void *tmp;
		json_object_foreach_safe(names, tmp, name, v)
			if (str_eq(json_string_value(v), id))
				json_object_del(names, name);
	} else {
		json_object_del(names, full);
	}
	bool named = false;
	const char *name;
	json_t *v;
	json_object_foreach(names, name, v)
		named |= str_eq(json_string_value(v), id);
	if (!named && !force && in_use(s, id))
		return err_set(e, -EBUSY, "image \"%s\" is in use by a container", ref);
	r = store_write_names(s, names, e);
	return r < 0 || named ? r : remove_image(s, id, names, e);
}
