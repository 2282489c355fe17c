/* Conversion of results between versions of the CNI specification.
 *
 * Versions up to 0.2.0 know one IPv4 and one IPv6 address ("ip4", "ip6") with their routes; 0.3.0 to 0.4.0 lists of
 * addresses that carry a version; from 1.0.0 the family is seen from the address alone and an empty dns is left out.
 * Fails where the input is no object or holds an address that cannot be parsed, or where an old version has no way to
 * say a result without addresses. Pure. */
#include "cni/result.h"

#include <errno.h>
#include <string.h>

#include "base/json.h"
#include "cni/version.h"

static const char *family_of(const char *address)
{
	return address && strchr(address, ':') ? "6" : "4";
}

static int import_old(const json_t *result, const char *key, json_t *out, struct err *e)
{
	const json_t *one = json_object_get(result, key);
	if (!json_is_object(one))
		return 0;
	if (!json_member(one, "ip"))
		return err_set(e, -EINVAL, "result: %s has no address", key);
	json_t *ip = json_pack("{s:O}", "address", json_object_get(one, "ip"));
	if (json_member(one, "gateway"))
		json_object_set(ip, "gateway", json_object_get(one, "gateway"));
	json_array_append_new(json_array_at(out, "ips"), ip);
	if (json_array_size(json_object_get(one, "routes")))
		json_array_extend(json_array_at(out, "routes"), json_object_get(one, "routes"));
	return 0;
}

static int import_ips(const json_t *result, json_t *out, struct err *e)
{
	size_t i;
	json_t *ip;
	json_array_foreach(json_object_get(result, "ips"), i, ip)
	{
		if (!json_member(ip, "address"))
			return err_set(e, -EINVAL, "result: ips[%zu] has no address", i);
		json_t *copy = json_copy(ip);
		json_object_del(copy, "version");
		json_array_append_new(json_array_at(out, "ips"), copy);
	}
	return 0;
}

int cni_result_import(const json_t *result, json_t **ret, struct err *e)
{
	static const struct {
		const char *key;
		json_type type;
	} same[] = {{"interfaces", JSON_ARRAY}, {"routes", JSON_ARRAY}, {"dns", JSON_OBJECT}};
	AUTO_JSON *out = json_object();
	if (!json_is_object(result))
		return err_set(e, -EINVAL, "result is no object");
	for (size_t i = 0; i < ARRAY_LEN(same); i++) {
		json_t *v = json_object_get(result, same[i].key);
		if (v && !json_is_null(v) && json_typeof(v) != same[i].type)
			return err_set(e, -EINVAL, "result: %s is no %s", same[i].key,
				       same[i].type == JSON_ARRAY ? "list" : "object");
		if (json_array_size(v) || json_object_size(v))
			json_object_set_new(out, same[i].key, json_deep_copy(v));
	}
	int r = import_ips(result, out, e);
	if (r < 0 || (r = import_old(result, "ip4", out, e)) < 0 || (r = import_old(result, "ip6", out, e)) < 0)
		return r;
	*ret = TAKE(out);
	return 0;
}

/* Routes of one family, for the old shape. */
static json_t *routes_of(const json_t *result, const char *family)
{
	json_t *routes = json_array(), *route;
	size_t i;
	json_array_foreach(json_object_get(result, "routes"), i,
			   route) if (!strcmp(family_of(json_member(route, "dst")), family))
	    json_array_append(routes, route);
	return routes;
}

static int export_old(const json_t *result, json_t *out, struct err *e)
{
	size_t i;
	json_t *ip;
	json_array_foreach(json_object_get(result, "ips"), i, ip)
	{
		const char *family = family_of(json_member(ip, "address"));
		const char *key = *family == '4' ? "ip4" : "ip6";
		if (json_object_get(out, key))
			continue;
		json_t *one = json_pack("{s:O}", "ip", json_object_get(ip, "address")),
		       *routes = routes_of(result, family);
		if (json_member(ip, "gateway"))
			json_object_set(one, "gateway", json_object_get(ip, "gateway"));
		if (json_array_size(routes))
			json_object_set(one, "routes", routes);
		json_decref(routes);
		json_object_set_new(out, key, one);
	}
	if (!json_object_get(out, "ip4") && !json_object_get(out, "ip6"))
		return err_set(e, -EINVAL, "cannot convert: no valid IP addresses");
	return 0;
}

static void export_lists(const json_t *result, const char *version, json_t *out)
{
	static const char *const lists[] = {"interfaces", "ips", "routes"};
	static const char *const newer[] = {"socketPath", "pciID"};
	bool has_family = !cni_version_at_least(version, "1.0.0"), has_mtu = cni_version_at_least(version, "1.1.0");
	size_t k;
	json_t *v;
	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		if (json_array_size(json_object_get(result, lists[i])))
			json_object_set_new(out, lists[i], json_deep_copy(json_object_get(result, lists[i])));
	json_array_foreach(json_object_get(out, "ips"), k, v) if (has_family)
	    json_set_str(v, "version", family_of(json_member(v, "address")));
	json_array_foreach(json_object_get(out, "interfaces"), k, v)
	{
		if (!has_mtu)
			json_object_del(v, "mtu");
		for (size_t i = 0; has_family && i < ARRAY_LEN(newer); i++)
			json_object_del(v, newer[i]);
	}
}

int cni_result_export(const json_t *result, const char *version, json_t **ret, struct err *e)
{
	AUTO_JSON *out = json_pack("{s:s}", "cniVersion", version);
	const json_t *dns = json_object_get(result, "dns");
	if (!cni_version_at_least(version, "0.3.0")) {
		int r = export_old(result, out, e);
		if (r < 0)
			return r;
	} else {
		export_lists(result, version, out);
	}
	if (json_object_size(dns))
		json_object_set_new(out, "dns", json_deep_copy(dns));
	else if (!cni_version_at_least(version, "1.0.0"))
		json_object_set_new(out, "dns", json_object());
	*ret = TAKE(out);
	return 0;
}
