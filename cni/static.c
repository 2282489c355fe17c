/* The static plugin, an IPAM plugin without memory.
 *
 * Addresses come from runtimeConfig.ips, or else args.cni.ips, or else the configuration and IP in CNI_ARGS, to whose
 * addresses GATEWAY there belongs. Fails naming an address that is none, read or not. */
#include "cni/static.h"

#include <errno.h>
#include <string.h>

#include "base/json.h"
#include "cni/sandbox_if.h"
#include "cni/version.h"

#define ARG_MAX_BYTES 4096

static int add_address(json_t *ips, const char *address, const char *source, struct err *e)
{
	struct ip_net net;
	char text[IP_TEXT_MAX];
	if (!address || ip_net_parse(address, &net) < 0)
		return err_set(e, -EINVAL, "%s in CIDR notation, got: '%s'", source, address ? address : "");
	json_array_append_new(ips, json_pack("{s:s}", "address", ip_net_text(&net, text)));
	return 0;
}

static int add_configured(json_t *ips, const json_t *list, struct err *e)
{
	size_t i;
	json_t *j;
	json_array_foreach(list, i, j)
	{
		const char *gateway = json_member(j, "gateway");
		struct ip gw;
		char text[IP_TEXT_MAX];
		int r = add_address(ips, json_member(j, "address"), "the 'address' field is expected to be", e);
		if (r < 0)
			return r;
		if (str_empty(gateway))
			continue;
		if (ip_parse(gateway, &gw) < 0)
			return err_set(e, -EINVAL, "invalid gateway address: %s", gateway);
		json_set_str(json_array_get(ips, json_array_size(ips) - 1), "gateway", ip_text(&gw, text));
	}
	return 0;
}

/* What was there makes room for the list, if there is one. */
static int replace(json_t *ips, const json_t *list, struct err *e)
{
	size_t i;
	json_t *j;
	int r = 0;
	if (json_array_size(list))
		json_array_clear(ips);
	json_array_foreach(list, i, j)
	{
		if ((r = add_address(ips, json_string_value(j), "an entry in the 'ips' field is NOT", e)) < 0)
			return r;
	}
	return r;
}

/* A gateway is that of each address whose subnet holds it. */
static int add_gateways(json_t *ips, char *text, struct err *e)
{
	char *save = NULL;
	for (char *word = strtok_r(text, ", ", &save); word; word = strtok_r(NULL, ", ", &save)) {
		struct ip gw;
		size_t i;
		json_t *ip;
		if (ip_parse(word, &gw) < 0)
			return err_set(e, -EINVAL, "invalid gateway address: %s", word);
		json_array_foreach(ips, i, ip)
		{
			struct ip_net net;
			if (!ip_net_parse(json_member(ip, "address"), &net) && ip_net_contains(&net, &gw))
				json_set_str(ip, "gateway", word);
		}
	}
	return 0;
}

static int add_from_args(const struct cni_call *c, json_t *ips, struct err *e)
{
	char text[ARG_MAX_BYTES], *save = NULL;
	int r = cni_args_check(c, e);
	if (r >= 0 && cni_args_get(c, "IP", text, sizeof(text)))
		for (char *word = strtok_r(text, ", ", &save); r >= 0 && word; word = strtok_r(NULL, ", ", &save))
			r = add_address(ips, word, "the 'ip' field is expected to be", e);
	if (r >= 0 && cni_args_get(c, "GATEWAY", text, sizeof(text)))
		r = add_gateways(ips, text, e);
	return r;
}

static int collect(const struct cni_call *c, json_t *ips, struct err *e)
{
	AUTO_JSON *asked = json_array();
	int r = add_from_args(c, asked, e);
	if (r < 0 || (r = replace(ips, json_at(c->conf, "args.cni.ips"), e)) < 0 ||
	    (r = replace(ips, json_at(c->conf, "runtimeConfig.ips"), e)) < 0 || json_array_size(ips))
		return r;
	r = add_configured(ips, json_at(c->conf, "ipam.addresses"), e);
	return r < 0 ? r : json_array_extend(ips, asked);
}

static int check_count(const struct cni_call *c, const json_t *ips, struct err *e)
{
	size_t i, n[2] = {0, 0};
	json_t *ip;
	json_array_foreach(ips, i, ip) n[strchr(json_member(ip, "address"), ':') != NULL]++;
	if ((n[0] > 1 || n[1] > 1) && !cni_version_at_least(c->version, "0.3.0"))
		return err_set(e, -EINVAL, "CNI version %s does not support more than 1 address per family",
			       c->version);
	return 0;
}

static int static_add(const struct cni_call *c, json_t **ret, struct err *e)
{
	const json_t *ipam = json_object_get(c->conf, "ipam"), *routes = json_object_get(ipam, "routes"),
		     *dns = json_object_get(ipam, "dns");
	AUTO_JSON *result = json_object();
	json_t *ips = json_array_at(result, "ips");
	if (!json_is_object(ipam))
		return err_set(e, -EINVAL, "IPAM config missing 'ipam' key");
	int r = collect(c, ips, e);
	if (r < 0 || (r = check_count(c, ips, e)) < 0)
		return r;
	if (json_array_size(routes))
		json_object_set_new(result, "routes", json_deep_copy(routes));
	if (json_object_size(dns))
		json_object_set_new(result, "dns", json_deep_copy(dns));
	*ret = TAKE(result);
	return 0;
}

static int static_check(const struct cni_call *c, struct err *e)
{
	AUTO_JSON *prev = NULL, *ips = json_array();
	size_t i;
	json_t *want;
	int r = collect(c, ips, e);
	if (r < 0 || (r = cni_prev_result(c, "static: Required prevResult missing", &prev, e)) < 0)
		return r;
	json_array_foreach(ips, i, want)
	{
		const json_t *is = json_find(json_object_get(prev, "ips"), "address", json_member(want, "address")),
			     *gateway = json_object_get(want, "gateway");
		if (!is || (gateway && !json_equal(gateway, json_object_get(is, "gateway"))))
			return err_set(e, -ENOENT, "static: Failed to match addr %s on interface %s",
				       json_member(want, "address"), c->ifname);
	}
	return 0;
}

const struct cni_plugin static_plugin = {.name = "static",
    .members = "ipam.addresses.[].address:s ipam.addresses.[].gateway:s ipam.routes.[].dst:s "
	       "ipam.routes.[].gw:s ipam.routes.[].mtu:n ipam.routes.[].advmss:n "
	       "ipam.routes.[].priority:n ipam.routes.[].table:n ipam.routes.[].scope:n "
	       "ipam.dns.nameservers.[]:s ipam.dns.domain:s ipam.dns.search.[]:s ipam.dns.options.[]:s "
	       "runtimeConfig.ips.[]:s args.cni.ips.[]:s",
 .add = static_add, .check = static_check};
