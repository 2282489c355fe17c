/* Named formats of values: names, keys, addresses, ports. One checker each, found by name; a value that does not have
 * the JSON type a format speaks of is left to the decoder. Each adds one error per rule broken. */
#include <arpa/inet.h>
#include <string.h>

#include "api/names.h"
#include "base/json.h"
#include "base/mem.h"
#include "cp/schema/internal.h"

#define MSG_IP "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
#define MSG_CIDR "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"
#define MSG_PORT "must be between 1 and 65535, inclusive"

static void check_label_key(const char *path, const json_t *value, struct field_errors *errors)
{
	const char *broken[NAME_CHECK_MAX];
	size_t n = name_check_qualified_all(json_string_value(value), broken);

	for (size_t i = 0; i < n; i++)
		field_invalid(errors, path, value, "%s", broken[i]);
}

static void check_ip(const char *path, const json_t *value, struct field_errors *errors)
{
	const char *s = json_string_value(value);
	char address[16];

	if (inet_pton(AF_INET, s, address) != 1 && inet_pton(AF_INET6, s, address) != 1)
		field_invalid(errors, path, value, MSG_IP);
}

static bool is_cidr(const char *s)
{
	const char *slash = strchr(s, '/');
	AUTO_FREE char *ip = slash ? xstrndup(s, (size_t)(slash - s)) : NULL;
	char address[16];
	uint32_t bits;

	if (!ip || str_to_u32(slash + 1, &bits) < 0 || (slash[1] == '0' && slash[2]))
		return false;
	if (inet_pton(AF_INET, ip, address) == 1)
		return bits <= 32;
	return inet_pton(AF_INET6, ip, address) == 1 && bits <= 128;
}

static void check_cidr(const char *path, const json_t *value, struct field_errors *errors)
{
	if (!is_cidr(json_string_value(value)))
		field_invalid(errors, path, value, MSG_CIDR);
}

static void check_port_or_name(const char *path, const json_t *value, struct field_errors *errors)
{
	const char *rule;

	if (json_is_string(value)) {
		rule = name_check_port_name(json_string_value(value));
		if (rule)
			field_invalid(errors, path, value, "%s", rule);
	} else if (json_integer_value(value) < 1 || json_integer_value(value) > 65535) {
		field_invalid(errors, path, value, MSG_PORT);
	}
}

void format_check_labels(const char *path, const json_t *labels, struct field_errors *errors)
{
	const char *key, *rule;
	json_t *value;

	json_object_foreach((json_t *)labels, key, value)
	{
		AUTO_JSON *name = json_string(key);

		check_label_key(path, name, errors);
		rule = name_check_label_value(json_string_value(value));
		if (rule)
			field_invalid(errors, path, value, "%s", rule);
	}
}

/* Formats that one rule of api/names.h decides. */
static const struct {
	const char *name;
	const char *(*rule)(const char *s);
} name_formats[] = {
    {"dns-subdomain", name_check_subdomain},
    {"dns-label", name_check_label},
    {"dns-label-1035", name_check_label_1035},
    {"label-value", name_check_label_value},
    {"env-name", name_check_env},
    {"port-name", name_check_port_name},
    {"config-key", name_check_config_key},
    {"path-segment", name_check_path_segment},
};

static const struct {
	const char *name;
	void (*check)(const char *path, const json_t *value, struct field_errors *errors);
	bool text; /* speaks of strings only */
} formats[] = {
    {"label-key", check_label_key, true},
    {"ip", check_ip, true},
    {"cidr", check_cidr, true},
    {"port-or-name", check_port_or_name, false},
    {"labels", format_check_labels, false},
};

bool format_known(const char *format)
{
	for (size_t i = 0; i < ARRAY_LEN(name_formats); i++)
		if (!strcmp(name_formats[i].name, format))
			return true;
	for (size_t i = 0; i < ARRAY_LEN(formats); i++)
		if (!strcmp(formats[i].name, format))
			return true;
	return false;
}

void format_check(const char *format, const char *path, const json_t *value, struct field_errors *errors)
{
	const char *rule;

	for (size_t i = 0; i < ARRAY_LEN(name_formats); i++) {
		if (strcmp(name_formats[i].name, format) || !json_is_string(value))
			continue;
		rule = name_formats[i].rule(json_string_value(value));
		if (rule)
			field_invalid(errors, path, value, "%s", rule);
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(formats); i++)
		if (!strcmp(formats[i].name, format) && (!formats[i].text || json_is_string(value)))
			formats[i].check(path, value, errors);
}
