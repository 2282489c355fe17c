/* Services and their pods, read for endpoints. Nothing can fail: a selector that does not parse selects nothing. */
#include "cp/controllers/service_pods.h"

#include <string.h>

#include "base/json.h"
#include "cp/controllers/object.h"
#include "cp/controllers/pod.h"

bool service_pod_counts(const json_t *pod)
{
	return !pod_is_terminal(pod) &&
	       (json_array_size(json_at(pod, "status.podIPs")) || json_str_at(pod, "status.podIP"));
}

static bool is_family(const char *ip, const char *family)
{
	return ip && *ip && (strchr(ip, ':') != NULL) == str_eq(family, "IPv6");
}

const char *service_pod_ip(const json_t *pod, const char *family)
{
	size_t i;
	json_t *entry;
	json_array_foreach(json_at(pod, "status.podIPs"), i, entry)
	{
		if (is_family(json_member(entry, "ip"), family))
			return json_member(entry, "ip");
	}
	const char *ip = json_str_at(pod, "status.podIP");
	return is_family(ip, family) ? ip : NULL;
}

static int64_t find_named(const json_t *containers, const char *name, const char *protocol)
{
	size_t i, k;
	json_t *container, *port;
	json_array_foreach(containers, i, container)
	{
		json_array_foreach(json_object_get(container, "ports"), k, port)
		{
			if (str_eq(json_member(port, "name"), name) &&
			    str_eq(json_str_or(port, "protocol", "TCP"), protocol))
				return json_int_at(port, "containerPort", 0);
		}
	}
	return 0;
}

int64_t service_target_port(const json_t *port, const json_t *pod)
{
	const json_t *target = json_object_get(port, "targetPort");
	if (json_is_integer(target) && json_integer_value(target))
		return json_integer_value(target);
	if (!json_is_string(target) || !*json_string_value(target))
		return json_int_at(port, "port", 0);
	const char *name = json_string_value(target), *protocol = json_str_or(port, "protocol", "TCP");
	int64_t n = find_named(json_at(pod, "spec.containers"), name, protocol);
	size_t i;
	json_t *c;
	json_array_foreach(json_at(pod, "spec.initContainers"), i, c)
	{
		AUTO_JSON *one = json_pack("[O]", c);
		if (!n && str_eq(json_member(c, "restartPolicy"), "Always"))
			n = find_named(one, name, protocol);
	}
	return n;
}

json_t *service_ports(const json_t *service, const json_t *pod, bool always_named)
{
	json_t *ports = json_array(), *port;
	size_t i;
	json_array_foreach(json_at(service, "spec.ports"), i, port)
	{
		int64_t number = service_target_port(port, pod);
		if (!number)
			continue;
		json_t *out = json_object();
		const char *name = json_str_or(port, "name", ""), *app = json_member(port, "appProtocol");
		if (*name || always_named)
			json_set_str(out, "name", name);
		json_set_str(out, "protocol", json_str_or(port, "protocol", "TCP"));
		json_set_int(out, "port", number);
		if (app)
			json_set_str(out, "appProtocol", app);
		json_array_append_new(ports, out);
	}
	return ports;
}

bool service_is_headless(const json_t *service)
{
	return str_eq(json_str_at(service, "spec.clusterIP"), "None");
}

const char *service_pod_hostname(const json_t *service, const json_t *pod)
{
	const char *hostname = json_str_at(pod, "spec.hostname");
	bool member = str_eq(json_str_at(pod, "spec.subdomain"), object_name(service)) &&
		      str_eq(object_ns(pod), object_ns(service));
	return member && !str_empty(hostname) ? hostname : NULL;
}

json_t *service_target_ref(const json_t *pod)
{
	return json_pack("{s:s, s:s, s:s, s:s}", "kind", "Pod", "namespace", object_ns(pod), "name", object_name(pod),
			 "uid", object_uid(pod));
}

void service_families(const json_t *service, const char *ret[2], size_t *ret_n)
{
	const json_t *families = json_at(service, "spec.ipFamilies");
	const char *ip = json_str_or(service, "spec.clusterIP", "");
	*ret_n = 0;
	for (size_t i = 0; i < json_array_size(families) && i < 2; i++)
		ret[(*ret_n)++] = json_string_value(json_array_get(families, i));
	if (!*ret_n)
		ret[(*ret_n)++] = strchr(ip, ':') ? "IPv6" : "IPv4";
}

static bool is_selected(void *arg, const struct cobj *pod)
{
	return selector_match(arg, cobj_label, pod);
}

json_t *service_list_pods(struct sync *s, const json_t *service)
{
	AUTO_SELECTOR *selector = NULL;
	if (selector_from_map(json_at(service, "spec.selector"), &selector, NULL) < 0)
		return json_array();
	return runner_list(s->runner, api_bucket(s->api, "", "pods"), s->ns, is_selected, selector);
}

struct changed_pod {
	struct runner *runner;
	const struct cache_event *ev;
};

static void offer(void *arg, struct cobj *service)
{
	struct changed_pod *c = arg;
	AUTO_JSON *parsed = runner_parse(c->runner, service);
	json_t *map = json_at(parsed, "spec.selector");
	AUTO_SELECTOR *selector = NULL;
	if (!json_object_size(map) || selector_from_map(map, &selector, NULL) < 0)
		return;
	if (selector_match(selector, cobj_label, c->ev->obj) ||
	    (c->ev->prev && selector_match(selector, cobj_label, c->ev->prev)))
		runner_add(c->runner, service->ns, service->name);
}

void service_map_pod(struct runner *r, const struct cache_event *ev)
{
	struct changed_pod c = {r, ev};
	runner_each(api_bucket(runner_api(r), "", "services"), ev->obj->ns, offer, &c);
}
