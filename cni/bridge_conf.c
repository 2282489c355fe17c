/* Parsing of the bridge plugin's configuration.
 *
 * Unknown members are ignored, as the specification demands; an option that is known but not supported is refused at
 * ADD rather than silently left out. Fails with CNI_UNSUPPORTED_FIELD for those, else with a plain error. */
#include "cni/bridge_conf.h"

#include <errno.h>
#include <stdio.h>

#include "base/json.h"
#include "io/net/ip.h"

#define VLAN_MAX 4094

static int check_trunk(const json_t *trunk, struct err *e)
{
	size_t i;
	json_t *t;
	json_array_foreach(trunk, i, t)
	{
		int64_t min = json_int_at(t, "minID", 0), max = json_int_at(t, "maxID", 0),
			id = json_int_at(t, "id", 0);
		if (min && !max)
			return err_set(e, -EINVAL,
				       "minID and maxID should be configured simultaneously, maxID is missing");
		if (max && !min)
			return err_set(e, -EINVAL,
				       "minID and maxID should be configured simultaneously, minID is missing");
		if (min < 0 || max < 0 || id < 0 || min > VLAN_MAX || max > VLAN_MAX || id > VLAN_MAX)
			return err_set(e, -EINVAL, "incorrect trunk VLAN ID");
		if (max < min)
			return err_set(e, -EINVAL, "minID is greater than maxID in trunk parameter");
	}
	return 0;
}

int bridge_conf_parse(const struct cni_call *c, struct bridge_conf *ret, struct err *e)
{
	const json_t *j = c->conf;
	const char *bridge = json_str_or(j, "bridge", "cni0"), *ipam = json_str_or(j, "ipam.type", "");
	int64_t vlan = json_int_at(j, "vlan", 0);
	struct bridge_conf conf = {
	    .is_gateway = json_bool_at(j, "isGateway", false),
	    .is_default_gateway = json_bool_at(j, "isDefaultGateway", false),
	    .force_address = json_bool_at(j, "forceAddress", false),
	    .hairpin = json_bool_at(j, "hairpinMode", false),
	    .promisc = json_bool_at(j, "promiscMode", false),
	    .dad = json_bool_at(j, "enabledad", false),
	    .isolated = json_bool_at(j, "portIsolation", false),
	    .no_container_if = json_bool_at(j, "disableContainerInterface", false),
	    .mtu = (int)json_int_at(j, "mtu", 0),
	    .ipam_type = *ipam ? ipam : NULL,
	    .dns = json_object_get(j, "dns"),
	};
	bridge = *bridge ? bridge : "cni0";
	if (cni_ifname_problem(bridge))
		return err_set(e, -EINVAL, "invalid bridge name \"%s\"", bridge);
	if (conf.mtu < 0)
		return err_set(e, -EINVAL, "invalid MTU %d, must be >= 0", conf.mtu);
	if (vlan < 0 || vlan > VLAN_MAX)
		return err_set(e, -EINVAL, "invalid VLAN ID %" JSON_INTEGER_FORMAT " (must be between 0 and %d)",
			       (json_int_t)vlan, VLAN_MAX);
	int r = check_trunk(json_object_get(j, "vlanTrunk"), e);
	if (r < 0)
		return r;
	snprintf(conf.bridge, sizeof(conf.bridge), "%s", bridge);
	conf.is_gateway |= conf.is_default_gateway;
	*ret = conf;
	return 0;
}

/* The address asked for: by the runtime's capability, by args, by CNI_ARGS, by the configuration, in this order. */
static int find_mac(const struct cni_call *c, struct bridge_conf *conf, struct err *e)
{
	char from_args[64] = "";
	const char *const places[] = {"runtimeConfig.mac", "args.cni.mac", "mac"};
	const char *text = json_str_at(c->conf, places[0]);
	if (!text)
		text = json_str_at(c->conf, places[1]);
	if (!text && cni_args_get(c, "MAC", from_args, sizeof(from_args)))
		text = from_args;
	if (!text)
		text = json_str_at(c->conf, places[2]);
	if (!text || !*text)
		return 0;
	if (mac_parse(text, conf->mac) < 0 || (conf->mac[0] & 1))
		return err_set(e, -EINVAL, "failed to parse MAC address %s", text);
	conf->has_mac = true;
	return 0;
}

int bridge_conf_check_add(const struct cni_call *c, struct bridge_conf *conf, struct err *e)
{
	static const char *const unsupported[] = {"ipMasq", "macspoofchk"};
	int r = cni_args_check(c, e);
	if (r < 0)
		return r;
	if (conf->promisc && conf->hairpin)
		return err_set(e, -EINVAL, "cannot set hairpin mode and promiscuous mode at the same time");
	if (conf->no_container_if && conf->ipam_type)
		return err_set(e, -EINVAL, "cannot use IPAM when DisableContainerInterface flag is set");
	if (json_int_at(c->conf, "vlan", 0) || json_array_size(json_object_get(c->conf, "vlanTrunk")))
		return err_set(e, -EOPNOTSUPP, "failed to create bridge \"%s\": VLAN filtering is not supported",
			       conf->bridge);
	for (size_t i = 0; i < ARRAY_LEN(unsupported); i++)
		if (json_bool_at(c->conf, unsupported[i], false))
			return cni_fail(e, CNI_UNSUPPORTED_FIELD, "option \"%s\" is not supported by this plugin",
					unsupported[i]);
	return find_mac(c, conf, e);
}
