/* Parsing of the bridge plugin's configuration.
 *
 * Unknown members are ignored, as the specification demands. Fails naming the member. */
#include "cni/bridge_conf.h"

#include <errno.h>
#include <stdio.h>

#include "base/json.h"
#include "cni/masq.h"
#include "cni/sandbox_if.h"

#define VLAN_MAX 4094

static int trunk_id(const json_t *t, const char *key, int *ret, struct err *e)
{
	const json_t *v = json_object_get(t, key);
	*ret = 0;
	if (!v || json_is_null(v))
		return 0;
	json_int_t id = json_integer_value(v);
	if (!json_is_integer(v) || id <= 0 || id > VLAN_MAX)
		return err_set(e, -EINVAL, "incorrect trunk %s parameter", key);
	*ret = (int)id;
	return 0;
}

static int parse_trunk(const json_t *trunk, struct bridge_conf *conf, struct err *e)
{
	size_t i;
	json_t *t;
	json_array_foreach(trunk, i, t)
	{
		int min, max, id, r;
		if (json_object_get(t, "minID") && !json_object_get(t, "maxID"))
			return err_set(e, -EINVAL,
				       "minID and maxID should be configured simultaneously, maxID is missing");
		if (json_object_get(t, "maxID") && !json_object_get(t, "minID"))
			return err_set(e, -EINVAL,
				       "minID and maxID should be configured simultaneously, minID is missing");
		if ((r = trunk_id(t, "minID", &min, e)) < 0 || (r = trunk_id(t, "maxID", &max, e)) < 0 ||
		    (r = trunk_id(t, "id", &id, e)) < 0)
			return r;
		if (max < min)
			return err_set(e, -EINVAL, "minID is greater than maxID in trunk parameter");
		for (int v = min; min && v <= max; v++)
			conf->trunk[v / 8] |= (uint8_t)(1u << v % 8);
		conf->trunk[id / 8] |= (uint8_t)(id ? 1u << id % 8 : 0);
		conf->has_trunk |= min || id;
	}
	return 0;
}

static bool passes(const struct bridge_conf *conf, int vlan)
{
	return vlan <= VLAN_MAX && (conf->trunk[vlan / 8] >> vlan % 8 & 1);
}

bool bridge_conf_next_vlans(const struct bridge_conf *conf, int *at, int *ret_first, int *ret_last)
{
	while (*at <= VLAN_MAX && !passes(conf, *at))
		(*at)++;
	if (*at > VLAN_MAX)
		return false;
	*ret_first = *at;
	while (passes(conf, *at))
		(*at)++;
	*ret_last = *at - 1;
	return true;
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
	    .masq = json_bool_at(j, "ipMasq", false),
	    .mac_check = json_bool_at(j, "macspoofchk", false),
	    .keep_default_vlan = json_bool_at(j, "preserveDefaultVlan", true),
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
	conf.vlan = (int)vlan;
	int r = parse_trunk(json_object_get(j, "vlanTrunk"), &conf, e);
	if (r < 0)
		return r;
	if (conf.vlan && conf.has_trunk)
		return err_set(e, -EINVAL, "cannot set vlan and vlanTrunk at the same time");
	snprintf(conf.bridge, sizeof(conf.bridge), "%s", bridge);
	conf.is_gateway |= conf.is_default_gateway;
	*ret = conf;
	return 0;
}

int bridge_conf_check_add(const struct cni_call *c, struct bridge_conf *conf, struct err *e)
{
	int r = cni_args_check(c, e);
	if (r < 0)
		return r;
	if (conf->promisc && conf->hairpin)
		return err_set(e, -EINVAL, "cannot set hairpin mode and promiscuous mode at the same time");
	if (conf->no_container_if && conf->ipam_type)
		return err_set(e, -EINVAL, "cannot use IPAM when DisableContainerInterface flag is set");
	if ((r = masq_wanted(c, e)) < 0 || (r = sandbox_if_mac(c, conf->mac, e)) < 0)
		return r;
	conf->has_mac = r > 0;
	return 0;
}
