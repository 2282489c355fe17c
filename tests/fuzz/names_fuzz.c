/* Names, labels, versions, media types and service accounts' names from foreign text. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api/names.h"
#include "api/version.h"
#include "base/json.h"
#include "cp/auth/audit_policy.h"
#include "cp/auth/service_account.h"
#include "cp/schema/rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const formats[] = {"date-time", "date", "duration", "ipv4", "ipv6", "cidr", "mac", "uuid", "uuid3", "uuid4",
				      "uuid5", "byte", "email", "hostname", "uri", "isbn", "isbn10", "isbn13", "creditcard", "ssn",
				      "hexcolor", "rgbcolor", "password", "bsonobjectid", "datetime", "quantity"};

static const char *(*const checks[])(const char *) = {
    name_check_subdomain,   name_check_label, name_check_label_1035, name_check_qualified, name_check_wildcard_subdomain,
    name_check_label_value, name_check_env,   name_check_port_name,  name_check_config_key, name_check_path_segment};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_FREE char *text = xstrndup((const char *)data, size), *ns = NULL, *name = NULL;
	const char *wrong[NAME_CHECK_MAX];
	for (size_t i = 0; i < ARRAY_LEN(checks); i++)
		checks[i](text);
	name_check_qualified_all(text, wrong);
	version_compare(text, "v1beta2");
	for (size_t i = 0; i < ARRAY_LEN(formats); i++)
		rules_format_holds(formats[i], text);
	if (sa_split_user_name(text, &ns, &name)) {
		AUTO_FREE char *again = sa_user_name(ns, name);
		if (!str_eq(again, text))
			abort();
	}
	AUTO_JSON *policy = NULL;
	struct audit_policy *p = NULL;
	if (json_parse(text, strlen(text), &policy, NULL) == 0 && audit_policy_new(policy, &p, NULL) == 0)
		audit_policy_free(p);
	return 0;
}
