/* Mounts of config.json: a whole configuration around the bytes, and the text of /proc/self/mountinfo. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/json.h"
#include "runtime/config.h"
#include "runtime/container.h"
#include "runtime/mounts_plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void parse_mounts(const char *text, size_t size)
{
	AUTO_JSON *mounts = NULL;
	if (json_parse(text, size, &mounts, NULL) < 0)
		return;
	AUTO_JSON *j = container_spec_example(false);
	json_set_at(j, "mounts", json_incref(mounts));
	AUTO_CONFIG c = { 0 };
	if (config_parse(j, "/b", &c, NULL) < 0)
		return;
	for (size_t i = 0; i < c.n_mounts; i++) {
		struct mounts_change change;
		struct mounts_place place = { c.mounts[i].destination, c.mounts[i].type, true, c.mounts[i].options.bind, true };
		if (c.mounts[i].destination[0] != '/' || strstr(c.mounts[i].destination, "//"))
			__builtin_trap();
		mounts_plan_bind(&c.mounts[i].options);
		mounts_plan_locked(&c.mounts[i].options, size, &change, NULL);
		mounts_plan_check_proc(&place, NULL);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_FREE char *text = xstrndup((const char *)data, size);
	AUTO_STRV char **points = mounts_plan_exposed(text, "/b/rootfs");
	AUTO_FREE char *destination = mounts_plan_destination("/b/rootfs", text);
	parse_mounts(text, strlen(text));
	return *destination == '/' ? 0 : 1;
}
