/* Parsing of the portmap plugin's configuration.
 *
 * Mappings come from runtimeConfig.portMappings, the container's addresses from prevResult. Conditions may be written
 * in the words of nft ("ip saddr != 10.0.0.0/8", "iifname eth0") or of iptables ("! -s 10.0.0.0/8", "-i eth0").
 * markMasqBit and externalSetMarkChain choose how the reference marks packets for masquerading; here nothing is marked,
 * what has to be masqueraded is, so they are checked and otherwise need no doing. Fails naming what is wrong. */
#include "cni/portmap_conf.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "cni/result.h"

#define PORT_MAX 65535

static const struct {
	const char *name;
	uint8_t number;
} protocols[] = {{"tcp", IPPROTO_TCP}, {"udp", IPPROTO_UDP}, {"sctp", IPPROTO_SCTP}};

static int parse_protocol(const json_t *j, uint8_t *ret, struct err *e)
{
	const char *name = json_str_or(j, "protocol", "");
	for (size_t i = 0; i < ARRAY_LEN(protocols); i++)
		if (!strcasecmp(name, protocols[i].name)) {
			*ret = protocols[i].number;
			return 0;
		}
	return err_set(e, -EINVAL, "unable to set up rules for port mappings: unknown protocol \"%s\"", name);
}

static int parse_mapping(const json_t *j, struct port_mapping *m, struct err *e)
{
	int64_t host = json_int_at(j, "hostPort", 0), container = json_int_at(j, "containerPort", 0);
	const char *ip = json_str_or(j, "hostIP", "");
	struct ip address;
	if (container <= 0 || container > PORT_MAX)
		return err_set(e, -EINVAL, "Invalid container port number: %lld", (long long)container);
	if (host <= 0 || host > PORT_MAX)
		return err_set(e, -EINVAL, "Invalid host port number: %lld", (long long)host);
	*m = (struct port_mapping){.host_port = (uint16_t)host, .container_port = (uint16_t)container};
	if (*ip) {
		if (ip_parse(ip, &address) < 0)
			return err_set(e, -EINVAL, "invalid host IP \"%s\" of port %lld", ip, (long long)host);
		m->family = address.family;
		if (!ip_is_any(&address))
			m->host_ip = address;
	}
	return 0;
}

static int parse_mappings(const struct cni_call *c, struct portmap_conf *conf, struct err *e)
{
	const json_t *maps = json_at(c->conf, "runtimeConfig.portMappings");
	size_t i;
	json_t *j;
	conf->maps = xcalloc(json_array_size(maps) + 1, sizeof(*conf->maps));
	json_array_foreach(maps, i, j)
	{
		int r = parse_mapping(j, &conf->maps[conf->n_maps], e);
		if (r >= 0 && strcmp(c->command, "DEL"))
			r = parse_protocol(j, &conf->maps[conf->n_maps].protocol, e);
		if (r < 0)
			return r;
		conf->n_maps++;
	}
	return 0;
}

/* The first address of each family that is the container's, or whose interface is not told. */
static int find_addresses(const struct cni_call *c, struct portmap_conf *conf, struct err *e)
{
	size_t i;
	json_t *j;
	json_array_foreach(json_object_get(conf->prev, "ips"), i, j)
	{
		struct ip_net net;
		const json_t *at =
		    json_array_get(json_object_get(conf->prev, "interfaces"), (size_t)json_int_at(j, "interface", -1));
		if (ip_net_parse(json_member(j, "address"), &net) < 0)
			return err_set(e, -EINVAL, "prevResult: invalid address");
		if (at && (!str_eq(json_member(at, "name"), c->ifname) || str_empty(json_member(at, "sandbox"))))
			continue;
		struct ip_net *to = &conf->addrs[net.ip.family == AF_INET6];
		if (!to->ip.family)
			*to = net;
	}
	return 0;
}

static int parse(const struct cni_call *c, struct portmap_conf *conf, struct err *e)
{
	const json_t *prev = json_object_get(c->conf, "prevResult");
	const json_t *bit = json_object_get(c->conf, "markMasqBit");
	int64_t number = json_int_at(c->conf, "markMasqBit", 13);
	int r = json_is_object(prev) ? cni_result_import(prev, &conf->prev, e) : 0;
	if (r < 0)
		return err_wrap(e, r, "could not parse prevResult");
	conf->snat = json_bool_at(c->conf, "snat", true);
	conf->masq_all = json_bool_at(c->conf, "masqAll", false);
	if (json_is_integer(bit) && json_str_at(c->conf, "externalSetMarkChain"))
		return err_set(e, -EINVAL, "Cannot specify externalSetMarkChain and markMasqBit");
	if (number < 0 || number > 31)
		return err_set(e, -EINVAL, "MasqMarkBit must be between 0 and 31");
	if ((r = parse_mappings(c, conf, e)) < 0)
		return r;
	return conf->prev ? find_addresses(c, conf, e) : 0;
}

int portmap_conf_parse(const struct cni_call *c, struct portmap_conf *ret, struct err *e)
{
	struct portmap_conf conf = {0};
	int r = parse(c, &conf, e);
	if (r < 0)
		portmap_conf_done(&conf);
	else
		*ret = conf;
	return r;
}

static const struct {
	const char *first, *second; /* words of nft; second NULL: one word */
	const char *option;         /* of iptables */
	int what;
} words[] = {
    {"ip", "saddr", "-s", CONDITION_SADDR},     {"ip6", "saddr", "--source", CONDITION_SADDR},
    {"ip", "daddr", "-d", CONDITION_DADDR},     {"ip6", "daddr", "--destination", CONDITION_DADDR},
    {"iifname", NULL, "-i", CONDITION_IIFNAME}, {"iif", NULL, "--in-interface", CONDITION_IIFNAME},
};

/* Reads one condition from the words at *at, which moves behind it. False where they say something else. */
static bool read_condition(const json_t *list, size_t *at, struct port_condition *ret)
{
	const char *w[4];
	bool not = false;
	for (size_t i = 0; i < 4; i++)
		w[i] = json_string_value(json_array_get(list, *at + i));
	size_t n = 0, k;
	if (str_eq(w[0], "!")) {
		not = true;
		n++;
	}
	for (k = 0; k < ARRAY_LEN(words); k++) {
		if (str_eq(w[n], words[k].option) ||
		    (!n && str_eq(w[0], words[k].first) && (!words[k].second || str_eq(w[1], words[k].second))))
			break;
	}
	if (k == ARRAY_LEN(words))
		return false;
	n += w[n][0] == '-' || !words[k].second ? 1 : 2;
	if (n < 4 && (str_eq(w[n], "!=") || str_eq(w[n], "=="))) {
		not = w[n][0] == '!';
		n++;
	}
	*ret = (struct port_condition){.what = words[k].what, .not = not };
	if (n > 3 || !w[n])
		return false;
	if (ret->what == CONDITION_IIFNAME)
		snprintf(ret->ifname, sizeof(ret->ifname), "%.15s", w[n] + (w[n][0] == '"'));
	else if (ip_net_parse_loose(w[n], &ret->net) < 0)
		return false;
	ret->ifname[strcspn(ret->ifname, "\"")] = '\0';
	*at += n + 1;
	return true;
}

/* Both kinds of words are read, but not against a backend that is asked for. */
static int check_backend(const struct cni_call *c, const char *const keys[2], struct err *e)
{
	const char *backend = json_str_at(c->conf, "backend");
	if (!backend)
		return 0;
	bool iptables = !strcmp(backend, "iptables");
	if (!iptables && strcmp(backend, "nftables"))
		return err_set(e, -EINVAL, "unrecognized backend \"%s\"", backend);
	for (size_t f = 0; f < 2; f++) {
		const char *word = json_string_value(json_array_get(json_object_get(c->conf, keys[f]), 0));
		if (word && (*word == '-' || *word == '!') != iptables)
			return err_set(e, -EINVAL,
				       "%s backend was requested but configuration contains %s-specific options [%s]",
				       backend, iptables ? "nftables" : "iptables", keys[f]);
	}
	if (!iptables && json_str_at(c->conf, "externalSetMarkChain"))
		return err_set(e, -EINVAL, "nftables backend was requested but configuration contains iptables-specific "
					   "options [externalSetMarkChain]");
	return 0;
}

int portmap_conf_conditions(const struct cni_call *c, struct portmap_conf *conf, struct err *e)
{
	static const char *const keys[] = {"conditionsV4", "conditionsV6"};
	int r = check_backend(c, keys, e);
	if (r < 0)
		return r;
	for (size_t f = 0; f < ARRAY_LEN(keys); f++) {
		const json_t *list = json_object_get(c->conf, keys[f]);
		conf->conditions[f] = xcalloc(json_array_size(list) + 1, sizeof(**conf->conditions));
		for (size_t at = 0; at < json_array_size(list);) {
			const char *word = json_string_value(json_array_get(list, at));
			struct port_condition *to = &conf->conditions[f][conf->n_conditions[f]];
			if (!read_condition(list, &at, to) ||
			    (to->net.ip.family && (to->net.ip.family == AF_INET6) != (f == 1)))
				return err_set(e, -EINVAL,
					       "%s: cannot say \"%s ...\" in nf_tables; known are "
					       "source, destination and input interface",
					       keys[f], word ? word : "");
			conf->n_conditions[f]++;
		}
	}
	return 0;
}

void portmap_conf_done(struct portmap_conf *conf)
{
	free(conf->maps);
	free(conf->conditions[0]);
	free(conf->conditions[1]);
	json_decref(conf->prev);
	*conf = (struct portmap_conf){0};
}
