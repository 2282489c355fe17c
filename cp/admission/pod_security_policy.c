/* Levels of pod security. Purpose: six labels become three rules. Happy path: none is set, all is privileged. Nothing
 * fails: what is malformed is an error in words and the careful reading. */
#include "cp/admission/pod_security_policy.h"

#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "cp/schema/status.h"

#define LABEL "pod-security.kubernetes.io/"

static const char *const levels[] = { "privileged", "baseline", "restricted" };

void pod_security_policy_done(struct pod_security_policy *p)
{
	free_ptr(&p->error);
}

char *pod_security_rule_text(const struct pod_security_rule *r)
{
	return r->minor == POD_SECURITY_LATEST ? xasprintf("%s:latest", levels[r->level])
					       : xasprintf("%s:v1.%d", levels[r->level], r->minor);
}

static bool parse_level(const char *text, enum pod_security_level *ret)
{
	for (size_t i = 0; i < ARRAY_LEN(levels); i++)
		if (strcmp(levels[i], text) == 0) {
			*ret = (enum pod_security_level)i;
			return true;
		}
	return false;
}

static bool parse_version(const char *text, int *ret)
{
	int64_t minor = 0;
	if (strcmp(text, "latest") == 0) {
		*ret = POD_SECURITY_LATEST;
		return true;
	}
	if (!str_has_prefix(text, "v1.") || text[3] < '0' || text[3] > '9' || (text[3] == '0' && text[4]) ||
	    str_to_i64(text + 3, &minor) < 0 || minor >= POD_SECURITY_LATEST)
		return false;
	*ret = (int)minor;
	return true;
}

static void malformed(struct field_errors *errors, const char *label, const char *value, const char *why)
{
	AUTO_FREE char *path = xasprintf("metadata.labels[%s]", label);
	AUTO_JSON *v = json_string(value);
	field_invalid(errors, path, v, "%s", why);
}

/* Reads a mode's two labels; tells whether its level was given and well formed, and whether its version was given. */
static bool read_rule(const json_t *labels, const char *mode, enum pod_security_level careful, struct pod_security_rule *r,
		      struct field_errors *errors, bool *ret_level, bool *ret_version)
{
	AUTO_FREE char *level_label = xasprintf(LABEL "%s", mode), *version_label = xasprintf(LABEL "%s-version", mode);
	const char *level = json_member(labels, level_label), *version = json_member(labels, version_label);
	bool fine = level && parse_level(level, &r->level);
	*ret_level = level != NULL;
	*ret_version = version != NULL;
	if (level && !fine) {
		r->level = careful;
		malformed(errors, level_label, level, "must be one of privileged, baseline, restricted");
	}
	if (version && !parse_version(version, &r->minor))
		malformed(errors, version_label, version, "must be \"latest\" or \"v1.x\"");
	return fine;
}

static void follow(struct pod_security_rule *r, const struct pod_security_rule *enforce, bool has_level, bool has_version)
{
	if (!has_level)
		r->level = enforce->level;
	if (!has_level && !has_version)
		r->minor = enforce->minor;
}

void pod_security_policy_read(const json_t *labels, struct pod_security_policy *ret, struct field_errors *errors)
{
	bool level, version, enforced;
	AUTO_FIELD_ERRORS own = { 0 };
	struct field_errors *all = errors ? errors : &own;
	size_t before = all->n;
	ret->enforce = ret->audit = ret->warn =
		(struct pod_security_rule){ POD_SECURITY_PRIVILEGED, POD_SECURITY_LATEST };
	enforced = read_rule(labels, "enforce", POD_SECURITY_RESTRICTED, &ret->enforce, all, &level, &version);
	read_rule(labels, "audit", POD_SECURITY_PRIVILEGED, &ret->audit, all, &level, &version);
	read_rule(labels, "warn", POD_SECURITY_PRIVILEGED, &ret->warn, all, &level, &version);
	if (enforced)
		follow(&ret->warn, &ret->enforce, level, version);
	if (all->n == before)
		return;
	AUTO_FREE char *text = field_errors_text(all);
	ret->error = xasprintf("Failed to parse policy: %s", text);
}

bool pod_security_is_stricter(const struct pod_security_rule *now, const struct pod_security_rule *before)
{
	if (now->level == POD_SECURITY_PRIVILEGED || (now->level == before->level && now->minor == before->minor))
		return false;
	return now->minor != before->minor || now->level > before->level;
}

bool pod_security_concerns(const void *object, const char *(*label)(const void *object, const char *key))
{
	static const char *const modes[] = { LABEL "enforce", LABEL "warn", LABEL "audit" };
	for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
		const char *level = label(object, modes[i]);
		if (level && strcmp(level, "privileged") != 0)
			return true;
	}
	return false;
}
