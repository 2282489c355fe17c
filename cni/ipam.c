/* The IPAM plugin of a configuration. Fails with that plugin's own code and words. */
#include "cni/ipam.h"

#include <errno.h>

#include "base/json.h"
#include "cni/delegate.h"

const char *ipam_type(const struct cni_call *c)
{
	const char *type = json_str_or(c->conf, "ipam.type", "");
	return *type ? type : NULL;
}

int ipam_add(const struct cni_call *c, int index, json_t **ret, struct err *e)
{
	AUTO_JSON *result = NULL;
	size_t i;
	json_t *ip;
	int r = cni_delegate(c, ipam_type(c), "ADD", &result, e);
	if (r < 0)
		return r;
	if (!result || !json_array_size(json_object_get(result, "ips"))) {
		cni_delegate(c, ipam_type(c), "DEL", NULL, NULL);
		return err_set(e, -EINVAL, "IPAM plugin returned missing IP config");
	}
	json_object_del(result, "interfaces");
	json_array_foreach(json_object_get(result, "ips"), i, ip)
	    json_object_set_new(ip, "interface", json_integer(index));
	*ret = TAKE(result);
	return 0;
}

int ipam_run(const struct cni_call *c, const char *command, struct err *e)
{
	return ipam_type(c) ? cni_delegate(c, ipam_type(c), command, NULL, e) : 0;
}
