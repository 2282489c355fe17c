/* Foreign configurations of CNI plugins, results of other plugins inside them, and conf lists, as a caller and each
 * plugin read them. A line before the JSON becomes CNI_ARGS. What is read in one version can be said in the newest. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "cni/bridge_conf.h"
#include "cni/chain/chain_internal.h"
#include "cni/ipam_conf.h"
#include "cni/plugins.h"
#include "cni/portmap_plan.h"
#include "cni/result.h"
#include "cni/version.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void results(const json_t *conf)
{
	AUTO_JSON *inner = NULL;
	const json_t *prev = json_object_get(conf, "prevResult");
	if (cni_result_import(prev ? prev : conf, &inner, NULL) < 0)
		return;
	for (size_t i = 0; cni_versions[i]; i++) {
		AUTO_JSON *said = NULL, *again = NULL;
		if (cni_result_export(inner, cni_versions[i], &said, NULL) >= 0 &&
		    cni_result_import(said, &again, NULL) < 0)
			abort();
	}
}

static void portmap(const struct cni_call *c)
{
	struct portmap_conf conf;
	struct portmap_plan plan;
	if (portmap_conf_parse(c, &conf, NULL) < 0)
		return;
	if (conf.addrs[0].ip.family && portmap_conf_conditions(c, &conf, NULL) >= 0) {
		portmap_plan(&conf, 2, "owner", &plan); /* NFPROTO_IPV4 */
		portmap_plan_done(&plan);
	}
	portmap_conf_done(&conf);
}

static void plugins(const struct cni_call *c)
{
	struct ipam_conf ipam;
	struct bridge_conf bridge;
	json_t *result = NULL;
	struct cni_call add = *c;
	add.command = "ADD";
	if (bridge_conf_parse(c, &bridge, NULL) >= 0)
		bridge_conf_check_add(c, &bridge, NULL);
	if (ipam_conf_parse(c, &ipam, NULL) >= 0)
		ipam_conf_done(&ipam);
	portmap(c);
	if (cni_plugin_call(cni_plugin_named("static"), &add, &result, NULL) >= 0)
		json_decref(result);
}

static void lists(const json_t *conf)
{
	AUTO_JSON *list = NULL;
	if (chain_conf_list(conf, &list, NULL) < 0)
		return;
	for (size_t i = 0; i < json_array_size(json_object_get(list, "plugins")); i++)
		json_decref(chain_conf_for(list, i, json_object_get(conf, "prevResult"), conf, NULL));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = memchr(data, '\n', size);
	size_t args_len = end ? (size_t)(end - data) : 0, skip = end ? args_len + 1 : 0;
	AUTO_FREE char *args = xstrndup((const char *)data, args_len);
	AUTO_JSON *conf = NULL;

	if (json_parse((const char *)data + skip, size - skip, &conf, NULL) < 0 || !json_is_object(conf))
		return 0;
	struct cni_call c = {.command = "CHECK",
			     .container_id = "id",
			     .netns = "/n",
			     .ifname = "eth0",
			     .args = args,
			     .path = "/p",
			     .name = json_str_or(conf, "name", "net"),
			     .version = json_str_or(conf, "cniVersion", "1.1.0"),
			     .conf = conf};
	results(conf);
	plugins(&c);
	lists(conf);
	return 0;
}
