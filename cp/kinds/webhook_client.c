/* Rules of how a webhook is called. Purpose: one client configuration, whoever calls: admission, conversion. Happy path: either an
 * https URL with a host and nothing but a path, or a service with a port and a path. Nothing fails. */
#include <string.h>

#include "api/names.h"
#include "base/json.h"
#include "base/str.h"
#include "cp/kinds/kinds.h"
#include "cp/kinds/rule.h"

static void url_invalid(struct field_errors *errors, const char *path, const char *shown, const char *why)
{
	AUTO_JSON *v = json_string(shown);

	field_invalid(errors, path, v, "%s", why);
}

static void validate_url(const char *url, const char *path, struct field_errors *errors)
{
	const char *sep = strstr(url, "://");
	AUTO_FREE char *scheme = xstrndup(url, sep ? (size_t)(sep - url) : 0);
	const char *rest = sep ? sep + 3 : url;
	size_t n = strcspn(rest, "/?#");
	AUTO_FREE char *host = xstrndup(rest, sep ? n : 0);
	char *at = strrchr(host, '@');
	const char *fragment = strchr(rest, '#'), *query = strchr(rest, '?');

	if (strcmp(scheme, "https"))
		url_invalid(errors, path, scheme, "'https' is the only allowed URL scheme; desired format: https://host[/path]");
	if (!*host)
		url_invalid(errors, path, host, "host must be specified; desired format: https://host[/path]");
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

/* A path of a service: "/a/b", each segment with the letters of a name. */
static void validate_path(const json_t *path_, const char *path, struct field_errors *errors)
{
	const char *text = json_string_value(path_), *why;

	if (str_empty(text) || !strcmp(text, "/"))
		return;
	if (*text != '/')
		field_invalid(errors, path, path_, "must start with a '/'");
	AUTO_FREE char *inner = xstrdup(text + 1);
	if (str_has_suffix(inner, "/"))
		inner[strlen(inner) - 1] = '\0';
	AUTO_STRV char **segments = str_split(inner, '/');
	if (!*inner)
		field_invalid(errors, path, path_, "segment[0] may not be empty");
	for (size_t i = 0; *inner && segments[i]; i++) {
		if (!*segments[i])
			field_invalid(errors, path, path_, "segment[%zu] may not be empty", i);
		else if ((why = name_check_subdomain(segments[i])))
			field_invalid(errors, path, path_, "segment[%zu]: %s", i, why);
	}
}

static void validate_service(const json_t *service, const char *path, struct field_errors *errors)
{
	const json_t *port = json_object_get(service, "port");
	char p[FIELD_PATH_MAX];

	rule_required(service, path, "name", NULL, errors);
	rule_required(service, path, "namespace", NULL, errors);
	if (port && (json_integer_value(port) < 1 || json_integer_value(port) > 65535))
		field_invalid(errors, FIELD_PATH(p, "%s.port", path), port, "port is not valid: must be between 1 and 65535, inclusive");
	validate_path(json_object_get(service, "path"), FIELD_PATH(p, "%s.path", path), errors);
}

void rule_webhook_client(const json_t *client, const char *path, struct field_errors *errors)
{
	const json_t *service = json_object_get(client, "service");
	const char *url = json_member(client, "url");
	char p[FIELD_PATH_MAX];

	if (!url == !service)
		field_required(errors, path, "exactly one of url or service is required");
	else if (url)
		validate_url(url, FIELD_PATH(p, "%s.url", path), errors);
	else
		validate_service(service, FIELD_PATH(p, "%s.service", path), errors);
}
