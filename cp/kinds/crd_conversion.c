/* Rules of how a CustomResourceDefinition's objects get from one version to another. Pure; nothing fails. */
#include <string.h>

#include "api/names.h"
#include "base/json.h"
#include "base/str.h"
#include "cp/kinds/crd_rules.h"
#include "cp/kinds/kinds.h"
#include "cp/kinds/rule.h"

#define CLIENT "spec.conversion.webhookClientConfig"
#define REVIEWS "spec.conversion.conversionReviewVersions"

static void check_reviews(const json_t *versions, struct field_errors *errors)
{
	AUTO_STRV char **seen = NULL;
	size_t i;
	json_t *v;

	if (!json_array_size(versions)) {
		field_required(errors, REVIEWS, NULL);
		return;
	}
	json_array_foreach(versions, i, v)
	{
		const char *text = json_string_value(v);
		PATH(at, REVIEWS "[%zu]", i);
		if (strv_has(seen, text))
			field_invalid(errors, at, v, "duplicate version");
		else
			validate_name(text, at, name_check_label_1035, errors);
		strv_add(&seen, text);
	}
	if (!json_has_text(versions, "v1") && !json_has_text(versions, "v1beta1"))
		field_invalid(errors, REVIEWS, versions, "must include at least one of v1, v1beta1");
}

static bool is_authority(const json_t *config)
{
	const char *text = json_str_or(config, "caBundle", "");
	AUTO_STR pem = STR_INIT;

	base64_decode(&pem, text, strlen(text));
	return strstr(str_text(&pem), "-----BEGIN CERTIFICATE-----") != NULL;
}

/* Before a definition is served its authority may still come, and one that was none may stay so. */
static void check_authority(const json_t *config, const json_t *old, struct field_errors *errors)
{
	const json_t *before = json_at(old, "conversion.webhook.clientConfig");
	bool was_broken = json_string_length(json_object_get(before, "caBundle")) && !is_authority(before);

	if (old && json_string_length(json_object_get(config, "caBundle")) && !is_authority(config) && !was_broken)
		field_invalid(errors, CLIENT ".caBundle", json_object_get(config, "caBundle"),
			      "unable to load root certificates: unable to parse bytes as PEM block");
}

static void check_webhook(const json_t *webhook, const json_t *old, struct field_errors *errors)
{
	const json_t *config = json_object_get(webhook, "clientConfig");

	if (config)
		rule_webhook_client(config, CLIENT, errors);
	else
		field_required(errors, CLIENT, "required when strategy is set to Webhook");
	check_authority(config, old, errors);
	check_reviews(json_object_get(webhook, "conversionReviewVersions"), errors);
}

void crd_conversion_validate(const json_t *spec, const json_t *old, struct field_errors *errors)
{
	static const char not_set[] = "should not be set when strategy is not set to Webhook";
	static const char *const strategies[] = {"None", "Webhook", NULL};
	const json_t *conversion = json_object_get(spec, "conversion"), *webhook = json_object_get(conversion, "webhook");
	const char *strategy = json_str_or(conversion, "strategy", "");

	if (!conversion)
		return;
	if (strcmp(strategy, "None") && json_bool_at(spec, "preserveUnknownFields", false))
		field_invalid(errors, "spec.conversion.strategy", json_object_get(conversion, "strategy"),
			      "must be None if spec.preserveUnknownFields is true");
	if (rule_required(conversion, "spec.conversion", "strategy", NULL, errors))
		rule_word(conversion, "spec.conversion", "strategy", strategies, errors);
	if (!strcmp(strategy, "Webhook")) {
		check_webhook(webhook, old, errors);
		return;
	}
	if (json_object_get(webhook, "clientConfig"))
		field_forbidden(errors, CLIENT, "%s", not_set);
	if (json_array_size(json_object_get(webhook, "conversionReviewVersions")))
		field_forbidden(errors, REVIEWS, "%s", not_set);
}
