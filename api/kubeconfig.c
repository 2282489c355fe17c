/* Kubeconfig files. Purpose: from a file to what a client needs, and a simple one back.
 *
 * Happy path: current-context names a cluster and a user; their certificates are taken as files, inline ones through
 * private temporary files that kubeconfig_done() removes.
 * What can fail: reading and parsing, names that lead nowhere (-ENOENT), bad base64, credentials of a kind that is not
 * supported (-EOPNOTSUPP: exec and auth-provider plugins, passwords).
 * What always holds: a failed load leaves no file behind. */
#include "api/kubeconfig.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/yaml.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"

enum { MAX_SIZE = 4 << 20, MAX_PEM = 1 << 20 };

struct loader {
	json_t *doc;
	const char *path;
	char *dir; /* what relative paths are relative to */
	struct kubeconfig k;
	struct err *e;
};

static const char *text_of(const json_t *o, const char *name)
{
	const char *text = json_member(o, name);
	return str_empty(text) ? NULL : text;
}

/* The inner value of the entry of a named list ("clusters", "cluster"). */
static const json_t *named(struct loader *l, const char *list, const char *inner, const char *name)
{
	size_t i;
	const json_t *entry;
	json_array_foreach(json_object_get(l->doc, list), i, entry)
	    if (name && str_eq(text_of(entry, "name"), name))
		return json_object_get(entry, inner);
	return NULL;
}

static char *temp_dir(void)
{
	const char *dir = getenv("TMPDIR");
	if (!str_empty(dir))
		return xstrdup(dir);
	return xstrdup(fs_mkdir_p("/run/knarr/tmp", 0700, NULL) == 0 ? "/run/knarr/tmp" : "/tmp");
}

static int write_temp(struct loader *l, const void *bytes, size_t n, char **ret)
{
	AUTO_FREE char *dir = temp_dir();
	AUTO_FREE char *path = xasprintf("%s/kubeconfig-XXXXXX", dir);
	AUTO_FD int fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		return err_sys(l->e, "%s", path);
	strv_add(&l->k.temp_files, path);
	int r = fs_write_all(fd, bytes, n);
	if (r < 0)
		return err_code(l->e, r, "%s", path);
	free(*ret);
	*ret = TAKE(path);
	return 0;
}

/* A file given by path or inline ("name-data", base64), the inline one first, as kubectl has it. */
static int take_file(struct loader *l, const json_t *n, const char *name, char **ret)
{
	AUTO_FREE char *data_name = xasprintf("%s-data", name);
	const char *data = text_of(n, data_name), *path = text_of(n, name);
	AUTO_STR bytes = STR_INIT;
	if (data) {
		if (base64_decode(&bytes, data, strlen(data)) < 0)
			return err_set(l->e, -EINVAL, "%s: %s is no base64", l->path, data_name);
		return write_temp(l, bytes.p, bytes.len, ret);
	}
	if (path)
		*ret = *path == '/' ? xstrdup(path) : xasprintf("%s/%s", l->dir, path);
	return 0;
}

static int take_user(struct loader *l, const json_t *user)
{
	static const char *const unsupported[] = { "exec", "auth-provider", "username", "password" };
	for (size_t i = 0; i < ARRAY_LEN(unsupported); i++)
		if (json_object_get(user, unsupported[i]))
			return err_set(l->e, -EOPNOTSUPP, "%s: credentials by %s are not supported", l->path,
				       unsupported[i]);
	int r = take_file(l, user, "client-certificate", &l->k.cert_file);
	if (r == 0)
		r = take_file(l, user, "client-key", &l->k.key_file);
	const char *token = text_of(user, "token"), *file = text_of(user, "tokenFile");
	if (r == 0 && token)
		return write_temp(l, token, strlen(token), &l->k.token_file);
	if (r == 0 && file)
		l->k.token_file = *file == '/' ? xstrdup(file) : xasprintf("%s/%s", l->dir, file);
	return r;
}

static int take_cluster(struct loader *l, const json_t *cluster)
{
	const char *server = text_of(cluster, "server");
	if (!server)
		return err_set(l->e, -EINVAL, "%s: the cluster has no server", l->path);
	l->k.server = xstrdup(server);
	l->k.insecure = str_eq(text_of(cluster, "insecure-skip-tls-verify"), "true");
	return take_file(l, cluster, "certificate-authority", &l->k.ca_file);
}

static int take_context(struct loader *l)
{
	const char *current = text_of(l->doc, "current-context");
	if (!current)
		return err_set(l->e, -ENOENT, "%s: no current-context", l->path);
	const json_t *context = named(l, "contexts", "context", current);
	if (!context)
		return err_set(l->e, -ENOENT, "%s: no context %s", l->path, current);
	const char *cluster_name = text_of(context, "cluster"), *user_name = text_of(context, "user");
	const char *namespace_ = text_of(context, "namespace");
	const json_t *cluster = named(l, "clusters", "cluster", cluster_name);
	const json_t *user = named(l, "users", "user", user_name);
	if (!cluster)
		return err_set(l->e, -ENOENT, "%s: no cluster %s", l->path,
			       cluster_name ? cluster_name : "in the context");
	if (user_name && !user)
		return err_set(l->e, -ENOENT, "%s: no user %s", l->path, user_name);
	l->k.namespace_ = xstrdup(namespace_ ? namespace_ : "default");
	int r = take_cluster(l, cluster);
	return r < 0 ? r : take_user(l, user);
}

static char *dir_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	if (!slash)
		return xstrdup(".");
	return slash == path ? xstrdup("/") : xstrndup(path, (size_t)(slash - path));
}

int kubeconfig_load(const char *path, struct kubeconfig *ret, struct err *e)
{
	AUTO_STR text = STR_INIT;
	struct loader l = { .path = path, .e = e };
	int r = fs_read_file(path, MAX_SIZE, &text, e);
	if (r < 0)
		return r;
	r = yaml_parse_texts(str_text(&text), text.len, &l.doc, e);
	if (r < 0)
		return err_wrap(e, r, "%s", path);
	l.dir = dir_of(path);
	r = take_context(&l);
	json_decref(l.doc);
	free(l.dir);
	if (r < 0) {
		kubeconfig_done(&l.k);
		return r;
	}
	*ret = l.k;
	return 0;
}

void kubeconfig_done(struct kubeconfig *k)
{
	for (char **f = k->temp_files; f && *f; f++)
		unlink(*f);
	free_strv(&k->temp_files);
	free(k->server);
	free(k->ca_file);
	free(k->cert_file);
	free(k->key_file);
	free(k->token_file);
	free(k->namespace_);
	*k = (struct kubeconfig){ 0 };
}

static int add_data(struct str *out, const char *name, const char *file, struct err *e)
{
	AUTO_STR pem = STR_INIT;
	int r = fs_read_file(file, MAX_PEM, &pem, e);
	if (r < 0)
		return r;
	str_addf(out, "    %s: ", name);
	base64_encode(out, pem.p, pem.len);
	str_addc(out, '\n');
	return 0;
}

static void add_text(struct str *out, const char *name, const char *value)
{
	str_add(out, name);
	str_add_json(out, value); /* a JSON string is a YAML one */
	str_addc(out, '\n');
}

/* The file that a kubeconfig names, or its content. */
static int add_file(struct str *out, const char *name, const char *file, bool inline_, struct err *e)
{
	AUTO_FREE char *key = xasprintf(inline_ ? "%s-data" : "    %s: ", name);
	if (inline_)
		return add_data(out, key, file, e);
	add_text(out, key, file);
	return 0;
}

static int write_config(const char *path, const char *cluster, const char *server, const char *ca_file, const char *user,
			const char *cert_file, const char *key_file, bool inline_, struct err *e)
{
	AUTO_STR out = STR_INIT;
	AUTO_FREE char *context = xasprintf("%s@%s", user, cluster);
	str_add(&out, "apiVersion: v1\nkind: Config\nclusters:\n- cluster:\n");
	int r = add_data(&out, "certificate-authority-data", ca_file, e);
	add_text(&out, "    server: ", server);
	add_text(&out, "  name: ", cluster);
	str_add(&out, "contexts:\n- context:\n");
	add_text(&out, "    cluster: ", cluster);
	add_text(&out, "    user: ", user);
	add_text(&out, "  name: ", context);
	add_text(&out, "current-context: ", context);
	str_add(&out, "preferences: {}\nusers:\n- name: ");
	str_add_json(&out, user);
	str_add(&out, "\n  user:\n");
	if (r == 0)
		r = add_file(&out, "client-certificate", cert_file, inline_, e);
	if (r == 0)
		r = add_file(&out, "client-key", key_file, inline_, e);
	return r < 0 ? r : fs_write_atomic(path, out.p, out.len, 0600, e);
}

int kubeconfig_write(const char *path, const char *cluster, const char *server, const char *ca_file, const char *user,
		     const char *cert_file, const char *key_file, struct err *e)
{
	return write_config(path, cluster, server, ca_file, user, cert_file, key_file, true, e);
}

int kubeconfig_write_paths(const char *path, const char *cluster, const char *server, const char *ca_file, const char *user,
			   const char *cert_file, const char *key_file, struct err *e)
{
	return write_config(path, cluster, server, ca_file, user, cert_file, key_file, false, e);
}
