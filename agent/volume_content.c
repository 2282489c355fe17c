/* What is in a volume that is made of API objects.
 *
 * Happy path: every source adds its files, items choose and rename keys. What can fail: see the header. What always
 * holds: no path is absolute or has "..", and none begins with ".." (the writer's own names). */
#include "agent/volume_content.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"

enum { MODE_DEFAULT = 0644 };

void volume_files_done(struct volume_files *f)
{
	for (size_t i = 0; i < f->n; i++) {
		free(f->files[i].path);
		free(f->files[i].bytes);
	}
	free(f->files);
	*f = (struct volume_files){0};
}

static bool path_is_safe(const char *path)
{
	if (!*path || *path == '/' || str_has_prefix(path, ".."))
		return false;
	AUTO_STRV char **parts = str_split(path, '/');
	for (char **p = parts; p && *p; p++)
		if (!strcmp(*p, "..") || !strcmp(*p, ".") || !**p)
			return false;
	return true;
}

/* Takes bytes. */
static int add(struct volume_files *f, const char *path, char *bytes, size_t len, int64_t mode, struct err *e)
{
	if (!path_is_safe(path)) {
		free(bytes);
		return err_set(e, -EINVAL, "invalid path \"%s\" in volume", path);
	}
	for (size_t i = 0; i < f->n; i++) {
		if (strcmp(f->files[i].path, path))
			continue;
		free(f->files[i].bytes);
		f->files[i].bytes = bytes;
		f->files[i].len = len;
		f->files[i].mode = (mode_t)mode;
		f->files[i].uid = -1;
		return 0;
	}
	f->files = xreallocarray(f->files, f->n + 1, sizeof(*f->files));
	f->files[f->n++] = (struct volume_file){xstrdup(path), bytes, len, (mode_t)mode & 0777, -1};
	return 0;
}

/* One key of an object; base64 where the member says so. -ENOENT when it is not there. */
static int key_bytes(const json_t *object, const char *key, struct str *out)
{
	bool secret = str_eq(json_str_at(object, "kind"), "Secret");
	const char *text = json_member(json_object_get(object, "data"), key);
	const char *binary = json_member(json_object_get(object, "binaryData"), key);
	if (!text && !binary)
		return -ENOENT;
	if (text && !secret)
		str_add(out, text);
	else
		(void)base64_decode(out, text ? text : binary,
				    strlen(text ? text : binary)); /* validated by the server */
	return 0;
}

static int add_key(struct volume_files *f, const json_t *object, const char *key, const char *path, int64_t mode,
		   struct err *e)
{
	AUTO_STR out = STR_INIT;
	int r = key_bytes(object, key, &out);
	if (r < 0)
		return err_set(e, r, "references non-existent config key: %s", key);
	size_t len = out.len;
	return add(f, path, str_take(&out), len, mode, e);
}

static int add_all_keys(struct volume_files *f, const json_t *object, int64_t mode, struct err *e)
{
	static const char *const members[] = {"data", "binaryData"};
	for (size_t m = 0; m < ARRAY_LEN(members); m++) {
		const char *key;
		json_t *v;
		json_object_foreach(json_object_get(object, members[m]), key, v)
		{
			int r = add_key(f, object, key, key, mode, e);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

static int add_object(const struct volume_in *in, const char *resource, const json_t *source, const char *name,
		      int64_t mode, struct volume_files *f, struct err *e)
{
	const json_t *found = in->object(in->arg, resource, name);
	bool optional = json_bool_at(source, "optional", false);
	if (!found)
		return optional ? 0
				: err_set(e, -ENOENT, "%s \"%s\" not found",
					  strcmp(resource, "secrets") ? "configmap" : "secret", name);
	AUTO_JSON *object = json_copy((json_t *)found);
	json_set_str(object, "kind", strcmp(resource, "secrets") ? "ConfigMap" : "Secret");
	const json_t *items = json_object_get(source, "items");
	if (!json_array_size(items))
		return add_all_keys(f, object, mode, e);
	size_t i;
	json_t *item;
	json_array_foreach(items, i, item)
	{
		struct err local = ERR_INIT;
		int r = add_key(f, object, json_str_or(item, "key", ""), json_str_or(item, "path", ""),
				json_int_at(item, "mode", mode), &local);
		if (r == -ENOENT && optional)
			continue;
		if (r < 0)
			return err_set(e, r, "%s", err_text(&local));
	}
	return 0;
}

static int add_downward(const struct volume_in *in, const json_t *source, int64_t mode, struct volume_files *f,
			struct err *e)
{
	size_t i;
	json_t *item;
	json_array_foreach(json_object_get(source, "items"), i, item)
	{
		const json_t *field = json_object_get(item, "fieldRef"),
			     *resource = json_object_get(item, "resourceFieldRef");
		char *value = NULL;
		int r = field ? fieldref_value(&in->facts, json_str_or(field, "fieldPath", ""), &value, e)
			      : resourceref_value(&in->facts, NULL, resource, &value, e);
		if (r == 0)
			r = add(f, json_str_or(item, "path", ""), value, strlen(value), json_int_at(item, "mode", mode),
				e);
		if (r < 0)
			return r;
	}
	return 0;
}

/* The user that every container of the pod runs as by its spec; -1: they differ, or one does not say. */
static int64_t common_user(const json_t *pod)
{
	static const char *const lists[] = {"spec.initContainers", "spec.containers"};
	int64_t otherwise = json_int_at(pod, "spec.securityContext.runAsUser", -1), user = -1;
	bool first = true;
	for (size_t l = 0; l < ARRAY_LEN(lists); l++) {
		size_t i;
		json_t *c;
		json_array_foreach(json_at(pod, lists[l]), i, c)
		{
			int64_t own = json_int_at(c, "securityContext.runAsUser", otherwise);
			if (own < 0 || (!first && own != user))
				return -1;
			user = own;
			first = false;
		}
	}
	return user;
}

/* A token is for its reader only, where the pod says who that is. */
static int add_token(const struct volume_in *in, const json_t *source, int64_t mode, struct volume_files *f, struct err *e)
{
	struct err why = ERR_INIT;
	const char *path = json_str_or(source, "path", "token"), *token = in->token ? in->token(in->arg, source, &why) : NULL;
	int64_t user = common_user(in->facts.pod);
	if (!token)
		return err_set(e, why.code ? why.code : -EOPNOTSUPP, "%s", why.code ? err_text(&why) : "there are no tokens here");
	if (user >= 0 || in->fs_group >= 0)
		mode = 0600;
	int r = add(f, path, xstrdup(token), strlen(token), mode, e);
	for (size_t i = 0; r == 0 && i < f->n; i++)
		if (!strcmp(f->files[i].path, path))
			f->files[i].uid = user;
	return r;
}

static int add_projected(const struct volume_in *in, const json_t *sources, int64_t mode, struct volume_files *f,
			 struct err *e)
{
	size_t i;
	json_t *source;
	json_array_foreach(sources, i, source)
	{
		const json_t *s;
		int r;
		if ((s = json_object_get(source, "configMap")))
			r = add_object(in, "configmaps", s, json_str_or(s, "name", ""), mode, f, e);
		else if ((s = json_object_get(source, "secret")))
			r = add_object(in, "secrets", s, json_str_or(s, "name", ""), mode, f, e);
		else if ((s = json_object_get(source, "downwardAPI")))
			r = add_downward(in, s, mode, f, e);
		else if ((s = json_object_get(source, "serviceAccountToken")))
			r = add_token(in, s, mode, f, e);
		else
			r = err_set(e, -EOPNOTSUPP, "unsupported source in projected volume");
		if (r < 0)
			return r;
	}
	return 0;
}

bool volume_has_content(const json_t *volume)
{
	static const char *const kinds[] = {"configMap", "secret", "downwardAPI", "projected"};
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (json_object_get(volume, kinds[i]))
			return true;
	return false;
}

int volume_content(const struct volume_in *in, const json_t *volume, struct volume_files *ret, struct err *e)
{
	struct volume_files f = {0};
	const json_t *s;
	int r = -EINVAL;
	if ((s = json_object_get(volume, "configMap")))
		r = add_object(in, "configmaps", s, json_str_or(s, "name", ""),
			       json_int_at(s, "defaultMode", MODE_DEFAULT), &f, e);
	else if ((s = json_object_get(volume, "secret")))
		r = add_object(in, "secrets", s, json_str_or(s, "secretName", ""),
			       json_int_at(s, "defaultMode", MODE_DEFAULT), &f, e);
	else if ((s = json_object_get(volume, "downwardAPI")))
		r = add_downward(in, s, json_int_at(s, "defaultMode", MODE_DEFAULT), &f, e);
	else if ((s = json_object_get(volume, "projected")))
		r = add_projected(in, json_object_get(s, "sources"), json_int_at(s, "defaultMode", MODE_DEFAULT), &f,
				  e);
	if (r < 0)
		volume_files_done(&f);
	else
		*ret = f;
	return r;
}
