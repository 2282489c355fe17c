/* Parsing of the host-local configuration.
 *
 * Collects the sets of ranges (runtimeConfig.ipRanges, the one-subnet form, ranges), completes and checks each, then
 * the addresses that are asked for. Fails naming the set's number. What always holds for a parsed configuration: every
 * set has at least one range, no two sets overlap. */
#include "cni/ipam_conf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/json.h"
#include "cni/version.h"

#define DATA_DIR "/var/lib/cni/networks"
#define SETS_MAX 64
#define RANGES_MAX 1024

static int optional_ip(const json_t *range, const char *key, struct ip *ret, struct err *e)
{
	const char *text = json_member(range, key);
	if (!text || !*text)
		return 0;
	return ip_parse(text, ret) < 0 ? err_set(e, -EINVAL, "invalid IP address: %s", text) : 0;
}

static int parse_range(const json_t *range, struct ip_range *ret, struct err *e)
{
	const char *subnet = json_member(range, "subnet");
	int r;
	*ret = (struct ip_range){0};
	if (!subnet || ip_net_parse(subnet, &ret->subnet) < 0)
		return err_set(e, -EINVAL, "invalid CIDR address: %s", subnet ? subnet : "");
	if ((r = optional_ip(range, "rangeStart", &ret->start, e)) < 0 ||
	    (r = optional_ip(range, "rangeEnd", &ret->end, e)) < 0 ||
	    (r = optional_ip(range, "gateway", &ret->gateway, e)) < 0)
		return r;
	return ip_range_complete(ret, e);
}

static int parse_set(const json_t *set, struct range_set *ret, struct err *e)
{
	size_t n = json_array_size(set);
	if (!json_is_array(set) || n > RANGES_MAX)
		return err_set(e, -EINVAL, "a range set must be a list");
	ret->ranges = xcalloc(n ? n : 1, sizeof(*ret->ranges));
	for (ret->n = 0; ret->n < n; ret->n++) {
		int r = parse_range(json_array_get(set, ret->n), &ret->ranges[ret->n], e);
		if (r < 0)
			return r;
	}
	return range_set_check(ret, e);
}

static int add_set(struct ipam_conf *conf, const json_t *set, struct err *e)
{
	if (conf->n >= SETS_MAX)
		return err_set(e, -E2BIG, "more than %d range sets", SETS_MAX);
	conf->sets = xreallocarray(conf->sets, conf->n + 1, sizeof(*conf->sets));
	conf->sets[conf->n] = (struct range_set){0};
	int r = parse_set(set, &conf->sets[conf->n++], e);
	return r < 0 ? err_wrap(e, r, "invalid range set %zu", conf->n - 1) : 0;
}

static int add_sets(struct ipam_conf *conf, const json_t *sets, struct err *e)
{
	size_t i;
	json_t *set;
	int r = 0;
	json_array_foreach(sets, i, set) if ((r = add_set(conf, set, e)) < 0) break;
	return r;
}

/* Up to 0.2.0 a result has one address of a family. */
static int check_families(const struct cni_call *c, const struct ipam_conf *conf, struct err *e)
{
	size_t n[2] = {0};
	for (size_t i = 0; i < conf->n; i++)
		n[conf->sets[i].ranges[0].start.family == AF_INET6]++;
	if ((n[0] > 1 || n[1] > 1) && !cni_version_at_least(c->version, "0.3.0"))
		return err_set(e, -EINVAL, "CNI version %s does not support more than 1 address per family", c->version);
	return 0;
}

static int parse_sets(const struct cni_call *c, const json_t *ipam, struct ipam_conf *conf, struct err *e)
{
	int r = add_sets(conf, json_at(c->conf, "runtimeConfig.ipRanges"), e);
	if (r >= 0 && json_member(ipam, "subnet")) {
		AUTO_JSON *set = json_pack("[O]", ipam);
		r = add_set(conf, set, e);
	}
	if (r >= 0)
		r = add_sets(conf, json_object_get(ipam, "ranges"), e);
	if (r < 0)
		return r;
	if (!conf->n)
		return err_set(e, -EINVAL, "no IP ranges specified");
	if ((r = check_families(c, conf, e)) < 0)
		return r;
	for (size_t i = 0; i < conf->n; i++)
		for (size_t k = i + 1; k < conf->n; k++)
			if (range_set_overlaps(&conf->sets[i], &conf->sets[k]))
				return err_set(e, -EINVAL, "range set %zu overlaps with %zu", i, k);
	return 0;
}

/* Runtimes tell the same address in more than one place. */
static int want(struct ipam_conf *conf, const char *text, struct err *e)
{
	struct ip_net n;
	if (ip_net_parse_loose(text, &n) < 0)
		return err_set(e, -EINVAL, "invalid requested IP address: %s", text ? text : "");
	for (size_t i = 0; i < conf->n_wanted; i++)
		if (ip_eq(&conf->wanted[i], &n.ip))
			return 0;
	conf->wanted = xreallocarray(conf->wanted, conf->n_wanted + 1, sizeof(*conf->wanted));
	conf->wanted[conf->n_wanted++] = n.ip;
	return 0;
}

static int parse_wanted(const struct cni_call *c, struct ipam_conf *conf, struct err *e)
{
	const char *const lists[] = {"args.cni.ips", "runtimeConfig.ips"};
	char text[IP_TEXT_MAX];
	int r = cni_args_check(c, e);
	if (r >= 0 && cni_args_get(c, "IP", text, sizeof(text)) && *text)
		r = want(conf, text, e);
	for (size_t i = 0; r >= 0 && i < ARRAY_LEN(lists); i++) {
		size_t k;
		json_t *ip;
		json_array_foreach(json_at(c->conf, lists[i]), k,
				   ip) if ((r = want(conf, json_string_value(ip), e)) < 0) break;
	}
	return r;
}

int ipam_conf_parse(const struct cni_call *c, struct ipam_conf *ret, struct err *e)
{
	const json_t *ipam = json_object_get(c->conf, "ipam");
	struct ipam_conf conf = {0};
	if (!json_is_object(ipam))
		return err_set(e, -EINVAL, "IPAM config missing 'ipam' key");
	conf.data_dir = json_str_or(ipam, "dataDir", DATA_DIR);
	if (!*conf.data_dir)
		conf.data_dir = DATA_DIR;
	conf.resolv_conf = json_member(ipam, "resolvConf");
	conf.routes = json_object_get(ipam, "routes");
	int r = parse_wanted(c, &conf, e);
	if (r >= 0)
		r = parse_sets(c, ipam, &conf, e);
	if (r < 0) {
		ipam_conf_done(&conf);
		return r;
	}
	*ret = conf;
	return 0;
}

void ipam_conf_done(struct ipam_conf *conf)
{
	for (size_t i = 0; i < conf->n; i++)
		range_set_done(&conf->sets[i]);
	free(conf->sets);
	free(conf->wanted);
	*conf = (struct ipam_conf){0};
}

static void dns_line(json_t *dns, char **words)
{
	const char *key = words[0];
	if (!words[1])
		return;
	if (!strcmp(key, "nameserver")) {
		json_array_append_new(json_array_at(dns, "nameservers"), json_string(words[1]));
	} else if (!strcmp(key, "domain")) {
		json_set_str(dns, "domain", words[1]);
	} else if (!strcmp(key, "search") || !strcmp(key, "options")) {
		for (size_t i = 1; words[i]; i++)
			json_array_append_new(json_array_at(dns, key), json_string(words[i]));
	}
}

json_t *ipam_dns_parse(const char *text)
{
	json_t *dns = json_object();
	AUTO_STRV char **lines = str_split(text, '\n');
	for (size_t i = 0; lines && lines[i]; i++) {
		AUTO_STRV char **words = NULL;
		char *save = NULL;
		if (lines[i][0] == '#' || lines[i][0] == ';')
			continue;
		for (char *w = strtok_r(lines[i], " \t\r", &save); w; w = strtok_r(NULL, " \t\r", &save))
			strv_add(&words, w);
		if (words)
			dns_line(dns, words);
	}
	return dns;
}
