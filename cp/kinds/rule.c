/* Small rules that many kinds share. Purpose: one sentence a rule, wherever it stands. Happy path: the member is found,
 * judged, and an error with its path is added where it breaks the rule. Nothing fails; values have been decoded. */
#include "cp/kinds/rule.h"

#include <string.h>

#include "api/names.h"
#include "api/quantity.h"
#include "base/json.h"
#include "cp/kinds/kinds.h"

static bool is_empty(const json_t *v)
{
	return !v || json_is_null(v) || (json_is_string(v) && !json_string_length(v)) ||
	       (json_is_array(v) && !json_array_size(v)) || (json_is_object(v) && !json_object_size(v));
}

bool rule_is_one_of(const char *text, const char *const *words)
{
	for (; text && *words; words++)
		if (!strcmp(*words, text))
			return true;
	return false;
}

bool rule_required(const json_t *obj, const char *path, const char *key, const char *detail, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];

	if (!is_empty(json_object_get(obj, key)))
		return true;
	field_required(errors, FIELD_PATH(p, "%s%s%s", path, *path ? "." : "", key), detail);
	return false;
}

void rule_word(const json_t *obj, const char *path, const char *key, const char *const *words, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];
	const char *text = json_member(obj, key);
	AUTO_JSON *shown = json_string(text ? text : "");

	if (!rule_is_one_of(text ? text : "", words))
		field_not_supported(errors, FIELD_PATH(p, "%s%s%s", path, *path ? "." : "", key), shown, words);
}

void rule_name(const json_t *obj, const char *path, const char *key, const char *(*check)(const char *),
	       struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];
	const char *text = json_member(obj, key);

	if (text && *text)
		validate_name(text, FIELD_PATH(p, "%s%s%s", path, *path ? "." : "", key), check, errors);
}

void rule_range(const json_t *obj, const char *path, const char *key, int64_t min, int64_t max, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];
	const json_t *v = json_object_get(obj, key);

	if (json_is_integer(v) && (json_integer_value(v) < min || json_integer_value(v) > max))
		field_invalid(errors, FIELD_PATH(p, "%s.%s", path, key), v, "must be between %lld and %lld, inclusive",
			      (long long)min, (long long)max);
}

void rule_forbidden(const json_t *obj, const char *path, const char *key, const char *why, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];

	if (json_object_get(obj, key))
		field_forbidden(errors, FIELD_PATH(p, "%s.%s", path, key), "%s", why);
}

static bool has_backstep(const char *text)
{
	AUTO_STRV char **parts = str_split(text, '/');

	return strv_has(parts, "..");
}

void rule_no_backsteps(const json_t *obj, const char *path, const char *key, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];
	const char *text = json_member(obj, key);

	if (text && has_backstep(text))
		field_invalid(errors, FIELD_PATH(p, "%s.%s", path, key), json_object_get(obj, key), "must not contain '..'");
}

void rule_path_inside(const json_t *obj, const char *path, const char *key, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];
	const char *text = json_member(obj, key);

	if (text && *text == '/')
		field_invalid(errors, FIELD_PATH(p, "%s.%s", path, key), json_object_get(obj, key), "must be a relative path");
	rule_no_backsteps(obj, path, key, errors);
}

void rule_path_not_reserved(const json_t *obj, const char *path, const char *key, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];
	const char *text = json_member(obj, key);

	rule_path_inside(obj, path, key, errors);
	if (text && str_has_prefix(text, "..") && !has_backstep(text))
		field_invalid(errors, FIELD_PATH(p, "%s.%s", path, key), json_object_get(obj, key), "must not start with '..'");
}

void rule_unchanged(const json_t *obj, const json_t *old, const char *path, const char *key, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];
	const json_t *now = json_object_get(obj, key), *was = json_object_get(old, key);

	if (now != was && !json_equal(now, was))
		field_invalid(errors, FIELD_PATH(p, "%s%s%s", path, *path ? "." : "", key), now, "field is immutable");
}

/* --- webhook URLs --------------------------------------------------------------------------------------------------- */

static void url_invalid(struct field_errors *errors, const char *path, const char *shown, const char *why)
{
	AUTO_JSON *v = json_string(shown);

	field_invalid(errors, path, v, "%s; desired format: https://host[/path]", why);
}

void rule_webhook_url(const char *url, const char *path, bool force_https, struct field_errors *errors)
{
	const char *sep = strstr(url, "://");
	AUTO_FREE char *scheme = xstrndup(url, sep ? (size_t)(sep - url) : 0);
	const char *rest = sep ? sep + 3 : url;
	size_t n = strcspn(rest, "/?#");
	AUTO_FREE char *host = xstrndup(rest, sep ? n : 0);
	char *at = strrchr(host, '@');
	const char *fragment = strchr(rest, '#'), *query = strchr(rest, '?');

	if (force_https && strcmp(scheme, "https")) {
		AUTO_FREE char *why = xasprintf("'https' is the only allowed URL scheme");
		url_invalid(errors, path, scheme, why);
	}
	if (!*host)
		url_invalid(errors, path, host, "host must be specified");
	if (at) {
		*at = '\0';
		url_invalid(errors, path, host, "user information is not permitted in the URL");
	}
	if (fragment && fragment[1])
		url_invalid(errors, path, fragment + 1, "fragments are not permitted in the URL");
	if (query && (!fragment || query < fragment) && query[1] && query[1] != '#') {
		AUTO_FREE char *shown = xstrndup(query + 1, strcspn(query + 1, "#"));
		url_invalid(errors, path, shown, "query parameters are not permitted in the URL");
	}
}
