/* Importing OCI image layouts and docker archives (OCI image-spec image-layout.md, image-index.md, manifest.md).
 *
 * Happy path: the archive is extracted into the store's tmp/, its index gives manifests, each layer that is not there yet
 * is unpacked beside its place and renamed into it, then record, then name. What can fail: digests that do not match
 * (-EBADMSG), unknown media types (-EPROTONOSUPPORT), a full disk. What always holds: nothing becomes visible before it is
 * whole and verified. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/mem.h"
#include "rootfs/digest.h"
#include "rootfs/store_paths.h"

enum { DOCUMENT_MAX = 4 << 20, LAYERS_MAX = 127, INDEX_DEPTH_MAX = 4 };

struct import {
	struct image_store *s;
	int root; /* the extracted archive */
	const char *dir;
	const char *name; /* given by the caller, or NULL */
	json_t *names;
	char ***imported;
};

static int read_in_root(struct import *im, const char *path, struct str *ret, struct err *e)
{
	AUTO_FD int fd = fs_open_in_root(im->root, path, O_RDONLY, 0, e);
	if (fd < 0)
		return fd;
	int r = fs_read_fd(fd, DOCUMENT_MAX, ret, e);
	return r < 0 ? err_wrap(e, r, "%s", path) : 0;
}

static int read_json(struct import *im, const char *path, json_t **ret, struct err *e)
{
	AUTO_STR text = STR_INIT;
	int r = read_in_root(im, path, &text, e);
	if (r == 0)
		r = json_parse(str_text(&text), text.len, ret, e);
	return r < 0 ? err_wrap(e, r, "%s", path) : 0;
}

static int blob_path(const char *digest, char *ret, size_t room, struct err *e)
{
	const char *hex = digest_hex(digest);
	if (!hex)
		return err_set(e, -EINVAL, "digest \"%s\" is not supported", digest ? digest : "");
	snprintf(ret, room, "blobs/sha256/%s", hex);
	return 0;
}

/* Reads a document blob, verifies its digest, and keeps it in the store. */
static int take_document(struct import *im, const char *path, const char *want, json_t **ret, char *ret_digest, struct err *e)
{
	AUTO_STR text = STR_INIT;
	char digest[DIGEST_MAX];
	int r = read_in_root(im, path, &text, e);
	if (r < 0)
		return r;
	digest_of(str_text(&text), text.len, digest);
	if (want && strcmp(want, digest))
		return err_set(e, -EBADMSG, "%s: digest is %s, want %s", path, digest, want);
	r = json_parse(str_text(&text), text.len, ret, e);
	if (r < 0)
		return err_wrap(e, r, "%s", path);
	AUTO_FREE char *to = store_path(im->s, "blobs/sha256/%s", digest_hex(digest));
	r = fs_write_atomic(to, str_text(&text), text.len, 0644, e);
	if (r == 0 && ret_digest)
		memcpy(ret_digest, digest, DIGEST_MAX);
	return r;
}

static int verify_blob(int fd, const char *path, const char *want, struct err *e)
{
	AUTO_FREE char *block = xmalloc(1 << 20);
	struct digest *d = digest_new();
	char digest[DIGEST_MAX];
	ssize_t n;
	while ((n = read(fd, block, 1 << 20)) > 0)
		digest_add(d, block, (size_t)n);
	digest_finish(d, digest);
	if (n < 0)
		return err_sys(e, "read %s", path);
	if (strcmp(digest, want))
		return err_set(e, -EBADMSG, "%s: digest is %s, want %s", path, digest, want);
	return lseek(fd, 0, SEEK_SET) < 0 ? err_sys(e, "seek %s", path) : 0;
}

static int unpack_into(struct import *im, int fd, const char *final, const char *diff_id, struct err *e)
{
	AUTO_FREE char *tmp = store_path(im->s, "tmp/layer-XXXXXX");
	char digest[DIGEST_MAX] = "";
	if (!mkdtemp(tmp))
		return err_sys(e, "create %s", tmp);
	int r = chmod(tmp, 0755) < 0 ? err_sys(e, "chmod %s", tmp) : layer_unpack(fd, tmp, digest, e);
	if (r == 0 && strcmp(digest, diff_id))
		r = err_set(e, -EBADMSG, "uncompressed digest is %s, want %s", digest, diff_id);
	AUTO_FD int dir = r < 0 ? -1 : open(tmp, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r == 0 && (syncfs(dir) < 0 || rename(tmp, final) < 0))
		r = err_sys(e, "move layer to %s", final);
	if (r < 0)
		(void)fs_remove_tree(tmp, NULL);
	return r;
}

/* chain id of a layer: the digest of "<parent chain id> <diff id>" (OCI image-spec config.md, Layer ChainID). */
static void chain_id(const char *parent, const char *diff_id, char *ret)
{
	if (!*parent) {
		snprintf(ret, DIGEST_MAX, "%s", diff_id);
		return;
	}
	AUTO_FREE char *both = xasprintf("%s %s", parent, diff_id);
	digest_of(both, strlen(both), ret);
}

/* Makes the layer there. want is the digest of the file, NULL where the format gives none (docker archives). */
static int take_layer(struct import *im, const char *path, const char *want, const char *diff_id, const char *chain, struct err *e)
{
	AUTO_FREE char *final = store_layer_dir(im->s, chain);
	if (fs_exists(final))
		return 0;
	AUTO_FD int fd = fs_open_in_root(im->root, path, O_RDONLY, 0, e);
	if (fd < 0)
		return fd;
	int r = want ? verify_blob(fd, path, want, e) : 0;
	if (r == 0)
		r = unpack_into(im, fd, final, diff_id, e);
	return r < 0 ? err_wrap(e, r, "layer %s", want ? want : path) : 0;
}

static int write_record(struct import *im, const char *id, const char *manifest, json_t *chain, int64_t size, struct err *e)
{
	AUTO_JSON *record = json_pack("{s:s, s:s, s:O, s:I, s:I}", "id", id, "manifest", manifest, "layers", chain, "size",
				      (json_int_t)size, "imported_ms", (json_int_t)clock_wall_ms());
	AUTO_FREE char *path = store_path(im->s, "images/%s.json", digest_hex(id));
	return json_write_file(path, record, 0644, e);
}

/* layers: array of {path, digest or null, size}. */
static int take_image(struct import *im, const char *id, const json_t *config, const char *manifest, const json_t *layers,
		      struct err *e)
{
	const json_t *diff_ids = json_at(config, "rootfs.diff_ids");
	AUTO_JSON *chains = json_array();
	char parent[DIGEST_MAX] = "", chain[DIGEST_MAX];
	int64_t size = 0;
	if (json_array_size(diff_ids) != json_array_size(layers) || json_array_size(layers) > LAYERS_MAX)
		return err_set(e, -EINVAL, "image %s: %zu layers with %zu diff ids", id, json_array_size(layers), json_array_size(diff_ids));
	for (size_t i = 0; i < json_array_size(layers); i++) {
		const json_t *l = json_array_get(layers, i);
		const char *diff = json_string_value(json_array_get(diff_ids, i));
		if (!digest_hex(diff))
			return err_set(e, -EINVAL, "image %s: bad diff id in its config", id);
		chain_id(parent, diff, chain);
		int r = take_layer(im, json_str_at(l, "path"), json_str_at(l, "digest"), diff, chain, e);
		if (r < 0)
			return r;
		json_array_append_new(chains, json_string(chain));
		memcpy(parent, chain, sizeof(parent));
		size += json_int_at(l, "size", 0);
	}
	return write_record(im, id, manifest, chains, size, e);
}

static int add_name(struct import *im, const char *name, const char *id, struct err *e)
{
	AUTO_FREE char *full = NULL;
	int r = image_ref_normalize(name, &full, e);
	if (r < 0)
		return r;
	json_object_set_new(im->names, full, json_string(id));
	if (im->imported)
		strv_add(im->imported, full);
	return 0;
}

static const char *machine_arch(void)
{
	static struct utsname u;
	uname(&u);
	if (!strcmp(u.machine, "x86_64"))
		return "amd64";
	return !strcmp(u.machine, "aarch64") ? "arm64" : u.machine;
}

static int take_manifest(struct import *im, const char *digest, const char *name, struct err *e)
{
	AUTO_JSON *manifest = NULL, *config = NULL;
	AUTO_JSON *layers = json_array();
	char path[128], id[DIGEST_MAX];
	int r = blob_path(digest, path, sizeof(path), e);
	if (r == 0)
		r = take_document(im, path, digest, &manifest, NULL, e);
	if (r == 0)
		r = blob_path(json_str_at(manifest, "config.digest"), path, sizeof(path), e);
	if (r == 0)
		r = take_document(im, path, json_str_at(manifest, "config.digest"), &config, id, e);
	if (r < 0)
		return r;
	size_t i;
	json_t *l;
	json_array_foreach(json_object_get(manifest, "layers"), i, l) {
		r = blob_path(json_member(l, "digest"), path, sizeof(path), e);
		if (r < 0)
			return r;
		json_array_append_new(layers, json_pack("{s:s, s:s, s:I}", "path", path, "digest", json_member(l, "digest"), "size",
							json_int_at(l, "size", 0)));
	}
	r = take_image(im, id, config, digest, layers, e);
	return r < 0 || !name ? r : add_name(im, name, id, e);
}

static bool fits_machine(const json_t *descriptor)
{
	const char *os = json_str_or(descriptor, "platform.os", "linux"), *arch = json_str_or(descriptor, "platform.architecture", machine_arch());
	return !strcmp(os, "linux") && !strcmp(arch, machine_arch());
}

/* An index may hold indexes, one a name, each holding a manifest a platform. */
static int take_index(struct import *im, const json_t *index, const char *name, int depth, size_t *ret_taken, struct err *e)
{
	size_t i;
	json_t *d;
	if (depth > INDEX_DEPTH_MAX)
		return err_set(e, -ELOOP, "index nested too deep");
	json_array_foreach(json_object_get(index, "manifests"), i, d) {
		const json_t *notes = json_object_get(d, "annotations");
		const char *type = json_str_or(d, "mediaType", ""), *digest = json_member(d, "digest");
		const char *full = json_member(notes, "io.containerd.image.name"), *short_ = json_member(notes, "org.opencontainers.image.ref.name");
		const char *called = im->name ? im->name : full ? full : short_ ? short_ : name;
		int r = 0;
		if (!fits_machine(d))
			continue;
		if (strstr(type, "index") || strstr(type, "manifest.list")) {
			AUTO_JSON *inner = NULL;
			char path[128];
			r = blob_path(digest, path, sizeof(path), e);
			if (r == 0)
				r = take_document(im, path, digest, &inner, NULL, e);
			if (r == 0)
				r = take_index(im, inner, called, depth + 1, ret_taken, e);
		} else if (strstr(type, "manifest") || !*type) {
			r = take_manifest(im, digest, called, e);
			*ret_taken += r == 0;
		}
		if (r < 0)
			return r;
	}
	return 0;
}

static int take_layout(struct import *im, struct err *e)
{
	AUTO_JSON *index = NULL;
	size_t taken = 0;
	int r = read_json(im, "index.json", &index, e);
	if (r == 0)
		r = take_index(im, index, NULL, 0, &taken, e);
	if (r == 0 && !taken)
		r = err_set(e, -ENOENT, "no image for linux/%s in it", machine_arch());
	return r;
}

static int take_docker_entry(struct import *im, const json_t *entry, struct err *e)
{
	AUTO_JSON *config = NULL;
	AUTO_JSON *layers = json_array();
	char id[DIGEST_MAX];
	const char *path = json_str_at(entry, "Config");
	int r = path ? take_document(im, path, NULL, &config, id, e) : err_set(e, -EINVAL, "manifest.json: Config is missing");
	size_t i;
	json_t *l;
	json_array_foreach(json_object_get(entry, "Layers"), i, l) {
		struct stat st = { 0 };
		AUTO_FD int fd = fs_open_in_root(im->root, json_is_string(l) ? json_string_value(l) : "", O_PATH, 0, NULL);
		if (fd >= 0)
			(void)fstat(fd, &st);
		json_array_append_new(layers, json_pack("{s:s?, s:I}", "path", json_string_value(l), "size", (json_int_t)st.st_size));
	}
	if (r == 0)
		r = take_image(im, id, config, "", layers, e);
	if (r == 0 && im->name)
		return add_name(im, im->name, id, e);
	json_array_foreach(json_object_get(entry, "RepoTags"), i, l)
		if (r == 0)
			r = add_name(im, json_string_value(l), id, e);
	return r;
}

static int take_docker(struct import *im, struct err *e)
{
	AUTO_JSON *manifest = NULL;
	int r = read_json(im, "manifest.json", &manifest, e);
	size_t i;
	json_t *entry;
	json_array_foreach(manifest, i, entry)
		if (r == 0)
			r = take_docker_entry(im, entry, e);
	return r;
}

static bool has(struct import *im, const char *path)
{
	AUTO_FD int fd = fs_open_in_root(im->root, path, O_PATH, 0, NULL);
	return fd >= 0;
}

static int take_all(struct import *im, struct err *e)
{
	AUTO_FD int lock = store_lock(im->s, e);
	if (lock < 0)
		return lock;
	AUTO_JSON *names = NULL;
	int r = store_names(im->s, &names, e);
	im->names = names;
	if (r == 0 && has(im, "oci-layout"))
		r = take_layout(im, e);
	else if (r == 0 && has(im, "manifest.json"))
		r = take_docker(im, e);
	else if (r == 0)
		r = err_set(e, -EPROTONOSUPPORT, "neither an OCI image layout nor a docker archive");
	return r < 0 ? r : store_write_names(im->s, names, e);
}

int image_import(struct image_store *s, const char *path, const char *name, char ***names, struct err *e)
{
	struct stat st;
	if (stat(path, &st) < 0)
		return err_sys(e, "%s", path);
	struct import im = { .s = s, .name = name, .imported = names };
	AUTO_FREE char *tmp = S_ISDIR(st.st_mode) ? NULL : store_path(s, "tmp/import-XXXXXX");
	if (tmp && !mkdtemp(tmp))
		return err_sys(e, "create %s", tmp);
	int r = tmp ? archive_extract(path, tmp, e) : 0;
	AUTO_FD int root = r < 0 ? -1 : open(tmp ? tmp : path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	im.root = root;
	if (r == 0)
		r = root < 0 ? err_sys(e, "open") : take_all(&im, e);
	if (tmp)
		(void)fs_remove_tree(tmp, NULL);
	return r < 0 ? err_wrap(e, r, "import %s", path) : 0;
}
