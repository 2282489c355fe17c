/* Users. Purpose: the identity that authentication gives and authorisation looks at. Nothing fails. Every user is in
 * system:authenticated or system:unauthenticated, unless impersonation says otherwise. */
#include "cp/auth/user.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"

void auth_user_set(struct auth_user *u, const char *name, char *const *groups)
{
	auth_user_done(u);
	u->name = xstrdup(name);
	u->uid = xstrdup("");
	u->groups = strv_dup(groups);
	if (!strv_has(u->groups, AUTH_AUTHENTICATED))
		strv_add(&u->groups, AUTH_AUTHENTICATED);
}

void auth_user_set_anonymous(struct auth_user *u)
{
	auth_user_done(u);
	u->name = xstrdup(AUTH_ANONYMOUS);
	u->uid = xstrdup("");
	strv_add(&u->groups, AUTH_UNAUTHENTICATED);
}

void auth_user_set_uid(struct auth_user *u, const char *uid)
{
	free(u->uid);
	u->uid = xstrdup(uid);
}

void auth_user_add_extra(struct auth_user *u, const char *key, const char *value)
{
	size_t at = 0;
	while (at < u->n_extra && strcmp(u->extra[at].key, key) < 0)
		at++;
	if (at == u->n_extra || strcmp(u->extra[at].key, key)) {
		u->extra = xreallocarray(u->extra, u->n_extra + 1, sizeof(*u->extra));
		memmove(&u->extra[at + 1], &u->extra[at], (u->n_extra - at) * sizeof(*u->extra));
		u->extra[at] = (struct auth_extra){.key = xstrdup(key)};
		u->n_extra++;
	}
	strv_add(&u->extra[at].values, value);
}

char *const *auth_user_extra(const struct auth_user *u, const char *key)
{
	for (size_t i = 0; i < u->n_extra; i++)
		if (!strcmp(u->extra[i].key, key))
			return u->extra[i].values;
	return NULL;
}

char *auth_extra_key(const char *encoded)
{
	char *key = xstrdup(encoded);
	for (char *p = key; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	AUTO_FREE char *decoded = xstrdup(key);
	if (url_decode(decoded, false) < 0)
		return key;
	free(key);
	return TAKE(decoded);
}

void auth_user_copy(struct auth_user *u, const struct auth_user *from)
{
	struct auth_user copy = {.name = xstrdup(from->name), .uid = xstrdup(from->uid), .groups = strv_dup(from->groups)};
	for (size_t i = 0; i < from->n_extra; i++)
		for (char **v = from->extra[i].values; v && *v; v++)
			auth_user_add_extra(&copy, from->extra[i].key, *v);
	auth_user_done(u);
	*u = copy;
}

void auth_user_done(struct auth_user *u)
{
	free(u->name);
	free(u->uid);
	free_strv(&u->groups);
	for (size_t i = 0; i < u->n_extra; i++) {
		free(u->extra[i].key);
		free_strv(&u->extra[i].values);
	}
	free(u->extra);
	*u = (struct auth_user){0};
}

bool auth_user_in(const struct auth_user *u, const char *group)
{
	return strv_has(u->groups, group);
}

bool auth_user_is_anonymous(const struct auth_user *u)
{
	return str_eq(u->name, AUTH_ANONYMOUS);
}

json_t *auth_user_json(const struct auth_user *u)
{
	json_t *info = json_object();
	if (!str_empty(u->name))
		json_object_set_new(info, "username", json_string(u->name));
	if (!str_empty(u->uid))
		json_object_set_new(info, "uid", json_string(u->uid));
	if (strv_len(u->groups))
		json_object_set_new(info, "groups", json_texts(u->groups));
	for (size_t i = 0; i < u->n_extra; i++) {
		json_t *extra = json_object_get(info, "extra");
		if (!extra)
			json_object_set_new(info, "extra", extra = json_object());
		json_object_set_new(extra, u->extra[i].key, json_texts(u->extra[i].values));
	}
	return info;
}
