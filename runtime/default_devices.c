/* Default device rules: mknod of anything, use of the pseudo devices and terminals (OCI runtime-spec config-linux.md,
 * Default Devices). What always holds: the given object is not changed. */
#include "runtime/default_devices.h"

#include "base/json.h"

static const struct {
	const char *type, *access;
	int major, minor; /* -1: any */
} defaults[] = {
	{ "c", "m", -1, -1 }, { "b", "m", -1, -1 }, { "c", "rwm", 1, 3 }, { "c", "rwm", 1, 5 },	  { "c", "rwm", 1, 7 },
	{ "c", "rwm", 1, 8 }, { "c", "rwm", 1, 9 }, { "c", "rwm", 5, 0 }, { "c", "rwm", 136, -1 }, { "c", "rwm", 5, 2 },
};

json_t *default_devices_add(const json_t *resources)
{
	json_t *copy = resources ? json_deep_copy(resources) : json_object();
	json_t *list = json_array_at(copy, "devices");
	for (size_t i = 0; i < ARRAY_LEN(defaults); i++) {
		json_t *rule = json_pack("{s:b, s:s, s:s}", "allow", 1, "type", defaults[i].type, "access", defaults[i].access);
		if (defaults[i].major >= 0)
			json_object_set_new(rule, "major", json_integer(defaults[i].major));
		if (defaults[i].minor >= 0)
			json_object_set_new(rule, "minor", json_integer(defaults[i].minor));
		json_array_append_new(list, rule);
	}
	return copy;
}
