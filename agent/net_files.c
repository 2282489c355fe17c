/* Name resolution of a pod. Nothing here can fail; what is not known is left out. What always holds: at most three name
 * servers, the C library takes no more. Kubernetes concepts, DNS for Services and Pods. */
#include "agent/net_files.h"

#include <stdbool.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "io/resolv_conf.h"

char *pod_hostname(const json_t *pod, const char *node_name)
{
	if (json_bool_at(pod, "spec.hostNetwork", false))
		return xstrdup(node_name);
	const char *own = json_str_at(pod, "spec.hostname");
	char *name = xstrndup(!str_empty(own) ? own : json_str_or(pod, "metadata.name", "pod"), 63);
	for (size_t n = strlen(name); n && (name[n - 1] == '-' || name[n - 1] == '.'); n--)
		name[n - 1] = '\0';
	return name;
}

static void add_aliases(const json_t *pod, struct str *out)
{
	size_t i, j;
	json_t *alias, *name;
	if (!json_array_size(json_at(pod, "spec.hostAliases")))
		return;
	str_add(out, "\n# Entries added by HostAliases.\n");
	json_array_foreach(json_at(pod, "spec.hostAliases"), i, alias)
	{
		str_add(out, json_str_or(alias, "ip", ""));
		json_array_foreach(json_object_get(alias, "hostnames"), j, name)
		    str_addf(out, "\t%s", json_string_value(name));
		str_addc(out, '\n');
	}
}

void net_hosts(const json_t *pod, const char *hostname, const char *cluster_domain, char *const *ips,
	       const char *host_text, struct str *out)
{
	str_add(out, "# Kubernetes-managed hosts file");
	if (json_bool_at(pod, "spec.hostNetwork", false)) {
		str_addf(out, " (host network).\n%s", host_text ? host_text : "");
		add_aliases(pod, out);
		return;
	}
	str_add(out, ".\n127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\nfe00::0\tip6-localnet\n"
		     "fe00::0\tip6-mcastprefix\nfe00::1\tip6-allnodes\nfe00::2\tip6-allrouters\n");
	const char *sub = json_str_at(pod, "spec.subdomain");
	for (char *const *ip = ips; ip && *ip; ip++) {
		if (!str_empty(sub))
			str_addf(out, "%s\t%s.%s.%s.svc.%s\t%s\n", *ip, hostname, sub,
				 json_str_or(pod, "metadata.namespace", "default"), cluster_domain, hostname);
		else
			str_addf(out, "%s\t%s\n", *ip, hostname);
	}
	add_aliases(pod, out);
}

/* Options given by the pod replace those of the same name. */
static void add_option(struct resolv_conf *r, const char *name, const char *value)
{
	char **kept = NULL;
	size_t n = strlen(name);
	for (char **o = r->options; o && *o; o++)
		if (strncmp(*o, name, n) || ((*o)[n] && (*o)[n] != ':'))
			strv_add(&kept, *o);
	AUTO_FREE char *text = value && *value ? xasprintf("%s:%s", name, value) : xstrdup(name);
	strv_add(&kept, text);
	free_strv(&r->options);
	r->options = kept;
}

static void add_pod_config(struct resolv_conf *r, const json_t *config)
{
	size_t i;
	json_t *v;
	json_array_foreach(json_object_get(config, "nameservers"), i, v)
	    resolv_conf_add(&r->servers, json_string_value(v), RESOLV_SERVERS_MAX);
	json_array_foreach(json_object_get(config, "searches"), i, v)
	    resolv_conf_add(&r->searches, json_string_value(v), RESOLV_SEARCHES_MAX);
	json_array_foreach(json_object_get(config, "options"), i, v)
	    add_option(r, json_str_or(v, "name", ""), json_str_at(v, "value"));
}

static void add_cluster(struct resolv_conf *r, const json_t *pod, char *const *dns, const char *domain)
{
	const char *ns = json_str_or(pod, "metadata.namespace", "default");
	char **host = r->searches;
	free_strv(&r->servers);
	r->searches = NULL;
	AUTO_FREE char *one = xasprintf("%s.svc.%s", ns, domain), *two = xasprintf("svc.%s", domain);
	const char *const own[] = {one, two, domain};
	for (size_t i = 0; i < ARRAY_LEN(own); i++)
		resolv_conf_add(&r->searches, own[i], RESOLV_SEARCHES_MAX);
	for (char **s = host; s && *s; s++)
		resolv_conf_add(&r->searches, *s, RESOLV_SEARCHES_MAX);
	free_strv(&host);
	for (char *const *d = dns; *d; d++)
		resolv_conf_add(&r->servers, *d, RESOLV_SERVERS_MAX);
	add_option(r, "ndots", "5");
}

static void print_line(struct str *out, const char *word, char *const *list, bool each)
{
	if (!list || !*list)
		return;
	for (char *const *v = list; *v; v++) {
		if (v == list || each)
			str_add(out, word);
		str_addf(out, " %s%s", *v, each ? "\n" : "");
	}
	if (!each)
		str_addc(out, '\n');
}

void net_resolv(const json_t *pod, char *const *cluster_dns, const char *cluster_domain, const char *host_text,
		struct str *out)
{
	const char *policy = json_str_or(pod, "spec.dnsPolicy", "ClusterFirst");
	bool cluster = !strcmp(policy, "ClusterFirstWithHostNet") ||
		       (!strcmp(policy, "ClusterFirst") && !json_bool_at(pod, "spec.hostNetwork", false));
	struct resolv_conf r = {0};
	if (strcmp(policy, "None"))
		resolv_conf_parse(&r, host_text);
	if (cluster && cluster_dns && *cluster_dns)
		add_cluster(&r, pod, cluster_dns, cluster_domain);
	add_pod_config(&r, json_at(pod, "spec.dnsConfig"));
	print_line(out, "search", r.searches, false);
	print_line(out, "nameserver", r.servers, true);
	print_line(out, "options", r.options, false);
	resolv_conf_done(&r);
}
