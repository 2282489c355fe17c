/* Name rules: which names, labels, keys and variables the API accepts.
 *
 * Each rule is one entry: a length limit, a scanner that walks the text once, and the sentence clients know it by.
 * Nothing can fail; an empty or NULL text is checked like any other. What always holds: a NULL
 * answer means that the whole text satisfies the rule. */
#include "api/names.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "api/ip_form.h"
#include "base/mem.h"

#define REGEX_LABEL "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
#define REGEX_SUBDOMAIN REGEX_LABEL "(\\." REGEX_LABEL ")*"
#define REGEX_QUALIFIED "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"

static const char msg_label[] =
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must "
    "start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for "
    "validation is '" REGEX_LABEL "')";
static const char msg_subdomain[] =
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', "
    "and must start and end with an alphanumeric character (e.g. 'example.com', regex used for "
    "validation is '" REGEX_SUBDOMAIN "')";
static const char msg_wildcard[] =
    "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must "
    "consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character "
    "(e.g. '*.example.com', regex used for validation is '\\*\\." REGEX_SUBDOMAIN "')";
static const char msg_1035[] =
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic "
    "character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for "
    "validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
static const char msg_name_part[] =
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
    "alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation "
    "is '" REGEX_QUALIFIED "')";
static const char msg_slashes[] =
    "a qualified name must consist of alphanumeric characters, '-', '_' or '.', and must start and end with "
    "an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    "'" REGEX_QUALIFIED "') with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')";
static const char msg_prefix[] =
    "prefix part a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "
    "'.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for "
    "validation is '" REGEX_SUBDOMAIN "')";
static const char msg_label_value[] =
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and "
    "must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', "
    "regex used for validation is '(" REGEX_QUALIFIED ")?')";
static const char msg_env[] =
    "a valid environment variable name must consist only of printable ASCII characters other than '='";
static const char msg_config_key[] =
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or "
    "'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";

static bool is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_lower_alnum(char c)
{
	return is_lower(c) || is_digit(c);
}

static bool is_alnum(char c)
{
	return is_lower_alnum(c) || (c >= 'A' && c <= 'Z');
}

/* Whether s[0..n) has the form of one DNS label. */
static bool label_form(const char *s, size_t n)
{
	if (!n || !is_lower_alnum(s[0]) || !is_lower_alnum(s[n - 1]))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!is_lower_alnum(s[i]) && s[i] != '-')
			return false;
	return true;
}

static bool subdomain_form(const char *s, size_t n)
{
	const char *end = s + n;

	for (;;) {
		const char *dot = memchr(s, '.', (size_t)(end - s));

		if (!label_form(s, (size_t)((dot ? dot : end) - s)))
			return false;
		if (!dot)
			return true;
		s = dot + 1;
	}
}

static bool qualified_form(const char *s, size_t n)
{
	if (!n || !is_alnum(s[0]) || !is_alnum(s[n - 1]))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!is_alnum(s[i]) && !strchr("-_.", s[i]))
			return false;
	return true;
}

const char *name_check_subdomain(const char *s)
{
	size_t n = s ? strlen(s) : 0;

	if (n > 253)
		return "must be no more than 253 characters";
	return subdomain_form(s ? s : "", n) ? NULL : msg_subdomain;
}

const char *name_check_wildcard_subdomain(const char *s)
{
	size_t n = s ? strlen(s) : 0;

	if (n > 253)
		return "must be no more than 253 characters";
	return n > 2 && !strncmp(s, "*.", 2) && subdomain_form(s + 2, n - 2) ? NULL : msg_wildcard;
}

const char *name_check_label(const char *s)
{
	size_t n = s ? strlen(s) : 0;

	if (n > 63)
		return "must be no more than 63 characters";
	if (label_form(s, n))
		return NULL;
	return n && subdomain_form(s, n) ? "must not contain dots" : msg_label;
}

const char *name_check_label_1035(const char *s)
{
	size_t n = s ? strlen(s) : 0;

	if (n > 63)
		return "must be no more than 63 characters";
	return n && label_form(s, n) && is_lower(s[0]) ? NULL : msg_1035;
}

/* The prefix of a qualified name: s[0..n). */
static const char *check_prefix(const char *s, size_t n)
{
	if (!n)
		return "prefix part must be non-empty";
	if (n > 253)
		return "prefix part must be no more than 253 characters";
	return subdomain_form(s, n) ? NULL : msg_prefix;
}

size_t name_check_qualified_all(const char *s, const char *ret[NAME_CHECK_MAX])
{
	const char *slash, *prefix, *name = s ? s : "";
	size_t n = 0, len;

	slash = strchr(name, '/');
	if (slash && strchr(slash + 1, '/')) {
		ret[0] = msg_slashes;
		return 1;
	}
	if (slash) {
		prefix = check_prefix(name, (size_t)(slash - name));
		if (prefix)
			ret[n++] = prefix;
		name = slash + 1;
	}
	len = strlen(name);
	if (!len)
		ret[n++] = "name part must be non-empty";
	else if (len > 63)
		ret[n++] = "name part must be no more than 63 characters";
	if (!qualified_form(name, len))
		ret[n++] = msg_name_part;
	return n;
}

const char *name_check_qualified(const char *s)
{
	const char *broken[NAME_CHECK_MAX];

	return name_check_qualified_all(s, broken) ? broken[0] : NULL;
}

const char *name_check_label_value(const char *s)
{
	size_t n = s ? strlen(s) : 0;

	if (n > 63)
		return "must be no more than 63 characters";
	return !n || qualified_form(s, n) ? NULL : msg_label_value;
}

const char *name_check_env(const char *s)
{
	if (!s || !*s)
		return msg_env;
	for (; *s; s++)
		if (*s < ' ' || *s > '~' || *s == '=')
			return msg_env;
	return NULL;
}

/* RFC 6335 5.1: up to 15 of a-z, 0-9 and single inner '-', with a letter. */
size_t name_check_port_name_all(const char *s, const char *ret[NAME_CHECK_MAX])
{
	size_t len = s ? strlen(s) : 0, n = 0;
	bool letter = false, strange = false;

	for (size_t i = 0; i < len; i++) {
		letter |= is_lower(s[i]);
		strange |= !is_lower_alnum(s[i]) && s[i] != '-';
	}
	if (len > 15)
		ret[n++] = "must be no more than 15 characters";
	if (strange)
		ret[n++] = "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)";
	if (!letter)
		ret[n++] = "must contain at least one letter (a-z)";
	if (len && strstr(s, "--"))
		ret[n++] = "must not contain consecutive hyphens";
	if (len && (s[0] == '-' || s[len - 1] == '-'))
		ret[n++] = "must not begin or end with a hyphen";
	return n;
}

const char *name_check_port_name(const char *s)
{
	const char *rules[NAME_CHECK_MAX];

	return name_check_port_name_all(s, rules) ? rules[0] : NULL;
}

const char *name_check_config_key(const char *s)
{
	size_t n = s ? strlen(s) : 0;

	if (n > 253)
		return "must be no more than 253 characters";
	if (!n)
		return msg_config_key;
	for (size_t i = 0; i < n; i++)
		if (!is_alnum(s[i]) && !strchr("-_.", s[i]))
			return msg_config_key;
	if (!strcmp(s, "."))
		return "must not be '.'";
	if (!strcmp(s, ".."))
		return "must not be '..'";
	return strncmp(s, "..", 2) ? NULL : "must not start with '..'";
}

const char *name_check_path_segment(const char *s)
{
	if (!s || !*s)
		return "must be non-empty";
	if (!strcmp(s, "."))
		return "may not be '.'";
	if (!strcmp(s, ".."))
		return "may not be '..'";
	if (strchr(s, '/'))
		return "may not contain '/'";
	return strchr(s, '%') ? "may not contain '%'" : NULL;
}

const char *name_check_address(const char *s)
{
	static __thread char why[128];
	AUTO_FREE char *problem = ip_form_address_problem(s);

	if (problem)
		snprintf(why, sizeof(why), "%s", problem);
	return problem ? why : NULL;
}
