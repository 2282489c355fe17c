/* The environment that a pod's spec gives to a container.
 *
 * Happy path: service links, then envFrom, then env, later ones over earlier ones. What can fail: a reference to an
 * object or key that is not there and not optional. What always holds: only names that env accepts get in. */
#include "agent/env.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/names.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"

char *env_expand(const struct map *env, const char *text)
{
	AUTO_STR out = STR_INIT;
	for (const char *p = text; *p; p++) {
		const char *end = p[0] == '$' && p[1] == '(' ? strchr(p, ')') : NULL;
		if (p[0] == '$' && p[1] == '$') {
			str_addc(&out, '$');
			p++;
		} else if (end) {
			AUTO_FREE char *name = xstrndup(p + 2, (size_t)(end - p - 2));
			const char *v = map_get(env, name);
			if (v)
				str_add(&out, v);
			else
				str_addn(&out, p, (size_t)(end - p + 1));
			p = end;
		} else {
			str_addc(&out, *p);
		}
	}
	return str_take(&out);
}

static void set(struct map *env, const char *name, char *value)
{
	map_set(env, name, value);
}

/* "my-svc" -> "MY_SVC" */
static char *env_name(const char *service)
{
	char *s = xstrdup(service);
	for (char *c = s; *c; c++)
		*c = *c == '-' || *c == '.' ? '_' : (char)toupper((unsigned char)*c);
	return s;
}

static void add_link(struct map *env, const char *prefix, const char *ip, const json_t *port)
{
	AUTO_FREE char *proto = env_name(json_str_or(port, "protocol", "TCP")), *lower = xstrdup(proto);
	for (char *c = lower; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	long long n = json_int_at(port, "port", 0);
	AUTO_FREE char *base = xasprintf("%s_PORT_%lld_%s", prefix, n, proto),
		       *url = xasprintf("%s://%s:%lld", lower, ip, n);
	AUTO_FREE char *k1 = xasprintf("%s_PROTO", base), *k2 = xasprintf("%s_PORT", base),
		       *k3 = xasprintf("%s_ADDR", base);
	set(env, base, xstrdup(url));
	set(env, k1, xstrdup(lower));
	set(env, k2, xasprintf("%lld", n));
	set(env, k3, xstrdup(ip));
}

static void add_service(struct map *env, const json_t *service)
{
	const char *ip = json_str_at(service, "spec.clusterIP");
	const json_t *ports = json_at(service, "spec.ports"), *port;
	if (str_empty(ip) || !strcmp(ip, "None") || !json_array_size(ports))
		return;
	AUTO_FREE char *prefix = env_name(json_str_or(service, "metadata.name", ""));
	AUTO_FREE char *host = xasprintf("%s_SERVICE_HOST", prefix), *main_port = xasprintf("%s_SERVICE_PORT", prefix);
	AUTO_FREE char *url = xasprintf("%s_PORT", prefix);
	set(env, host, xstrdup(ip));
	const json_t *first = json_array_get(ports, 0);
	set(env, main_port, xasprintf("%lld", (long long)json_int_at(first, "port", 0)));
	AUTO_FREE char *proto = xstrdup(json_str_or(first, "protocol", "TCP"));
	for (char *c = proto; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	set(env, url, xasprintf("%s://%s:%lld", proto, ip, (long long)json_int_at(first, "port", 0)));
	for (size_t i = 0; i < json_array_size(ports); i++) {
		port = json_array_get(ports, i);
		const char *name = json_str_at(port, "name");
		if (!str_empty(name)) {
			AUTO_FREE char *upper = env_name(name), *key = xasprintf("%s_%s", main_port, upper);
			set(env, key, xasprintf("%lld", (long long)json_int_at(port, "port", 0)));
		}
		add_link(env, prefix, ip, port);
	}
}

/* Services of the pod's namespace where it wants links; the API server's own always. */
static void add_services(const struct env_in *in, struct map *env)
{
	bool links = json_bool_at(in->facts.pod, "spec.enableServiceLinks", true);
	const char *ns = json_str_or(in->facts.pod, "metadata.namespace", "default");
	size_t i;
	const json_t *s;
	json_array_foreach(in->services, i, s)
	{
		const char *of = json_str_or(s, "metadata.namespace", "");
		bool master = !strcmp(of, "default") && str_eq(json_str_at(s, "metadata.name"), "kubernetes");
		if (master || (links && !strcmp(of, ns)))
			add_service(env, s);
	}
}

static char *decode(const char *resource, const char *value)
{
	if (strcmp(resource, "secrets"))
		return xstrdup(value);
	AUTO_STR out = STR_INIT;
	(void)base64_decode(&out, value, strlen(value)); /* the API server has validated it */
	return str_take(&out);
}

static const char *kind_of(const char *resource)
{
	return strcmp(resource, "secrets") ? "configmap" : "secret";
}

static int add_from(const struct env_in *in, const json_t *from, struct map *env, struct err *e)
{
	const json_t *ref = json_object_get(from, "configMapRef");
	const char *resource = ref ? "configmaps" : "secrets", *prefix = json_str_or(from, "prefix", ""), *key;
	ref = ref ? ref : json_object_get(from, "secretRef");
	const char *name = json_str_or(ref, "name", "");
	const json_t *o = in->object(in->arg, resource, name);
	json_t *v;
	if (!o)
		return json_bool_at(ref, "optional", false)
			   ? 0
			   : err_set(e, -ENOENT, "%s \"%s\" not found", kind_of(resource), name);
	json_object_foreach(json_object_get(o, "data"), key, v)
	{
		AUTO_FREE char *full = xasprintf("%s%s", prefix, key);
		if (*full && !strchr(full, '=') && json_is_string(v))
			set(env, full, decode(resource, json_string_value(v)));
	}
	return 0;
}

static int key_value(const struct env_in *in, const json_t *ref, const char *resource, char **ret, struct err *e)
{
	const char *name = json_str_or(ref, "name", ""), *key = json_str_or(ref, "key", "");
	bool optional = json_bool_at(ref, "optional", false);
	const json_t *o = in->object(in->arg, resource, name);
	if (!o)
		return optional ? 0 : err_set(e, -ENOENT, "%s \"%s\" not found", kind_of(resource), name);
	const char *v = json_member(json_object_get(o, "data"), key);
	if (!v)
		return optional ? 0
				: err_set(e, -ENOENT, "couldn't find key %s in %s %s/%s", key,
					  strcmp(resource, "secrets") ? "ConfigMap" : "Secret",
					  json_str_or(in->facts.pod, "metadata.namespace", "default"), name);
	*ret = decode(resource, v);
	return 0;
}

/* *ret stays NULL for an optional reference to nothing. */
static int value_from(const struct env_in *in, const json_t *from, char **ret, struct err *e)
{
	const json_t *ref;
	if ((ref = json_object_get(from, "fieldRef")))
		return fieldref_value(&in->facts, json_str_or(ref, "fieldPath", ""), ret, e);
	if ((ref = json_object_get(from, "resourceFieldRef")))
		return resourceref_value(&in->facts, in->container, ref, ret, e);
	if ((ref = json_object_get(from, "configMapKeyRef")))
		return key_value(in, ref, "configmaps", ret, e);
	if ((ref = json_object_get(from, "secretKeyRef")))
		return key_value(in, ref, "secrets", ret, e);
	return err_set(e, -EOPNOTSUPP, "unsupported valueFrom");
}

static int add_var(const struct env_in *in, const json_t *var, struct map *env, struct err *e)
{
	const char *name = json_str_or(var, "name", "");
	const json_t *from = json_object_get(var, "valueFrom");
	char *value = NULL;
	int r = from ? value_from(in, from, &value, e) : 0;
	if (!from)
		value = env_expand(env, json_str_or(var, "value", ""));
	if (r == 0 && value)
		set(env, name, value);
	return r;
}

int env_build(const struct env_in *in, struct map **ret, struct err *e)
{
	AUTO_MAP *env = map_new(free);
	size_t i;
	json_t *o;
	int r = 0;
	add_services(in, env);
	json_array_foreach(json_object_get(in->container, "envFrom"), i, o)
	{
		r = add_from(in, o, env, e);
		if (r < 0)
			return r;
	}
	json_array_foreach(json_object_get(in->container, "env"), i, o)
	{
		r = add_var(in, o, env, e);
		if (r < 0)
			return r;
	}
	*ret = TAKE(env);
	return 0;
}
