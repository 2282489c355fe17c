/* Image references in their full form, as Docker and the CRI understand short ones (distribution reference grammar). */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "rootfs/image_store.h"

enum { REF_MAX = 512 };

static bool is_domain(const char *s, size_t n)
{
	if (n == 9 && !strncmp(s, "localhost", 9))
		return true;
	return memchr(s, '.', n) || memchr(s, ':', n);
}

static bool valid_path(const char *s)
{
	bool after_sep = true;
	for (; *s; s++) {
		bool alnum = islower((unsigned char)*s) || isdigit((unsigned char)*s);
		if (!alnum && !strchr("/._-", *s))
			return false;
		if (!alnum && after_sep && (*s == '/' || *s == '.'))
			return false;
		after_sep = !alnum && *s != '-';
	}
	return !after_sep;
}

static bool valid_tag(const char *s)
{
	size_t n = strlen(s);
	if (n == 0 || n > 128 || (!isalnum((unsigned char)*s) && *s != '_'))
		return false;
	return strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") == n;
}

static bool valid_digest(const char *s)
{
	return str_has_prefix(s, "sha256:") && strlen(s + 7) == 64 && strspn(s + 7, "0123456789abcdef") == 64;
}

static int invalid(struct err *e, const char *ref)
{
	return err_set(e, -EINVAL, "invalid reference format: \"%.*s\"", REF_MAX, ref);
}

int image_ref_normalize(const char *ref, char **ret, struct err *e)
{
	if (!*ref || strlen(ref) > REF_MAX)
		return invalid(e, ref);
	AUTO_FREE char *copy = xstrdup(ref);
	char *digest = strchr(copy, '@'), *tag = NULL;
	if (digest)
		*digest++ = '\0';
	char *slash = strrchr(copy, '/'), *colon = strrchr(copy, ':');
	if (colon && (!slash || colon > slash)) {
		*colon = '\0';
		tag = colon + 1;
	}
	const char *path = copy, *domain = "docker.io";
	char *first = strchr(copy, '/');
	if (first && is_domain(copy, (size_t)(first - copy))) {
		*first = '\0';
		domain = copy;
		path = first + 1;
	}
	if (str_eq(domain, "index.docker.io"))
		domain = "docker.io";
	if (!valid_path(path) || (tag && !valid_tag(tag)) || (digest && !valid_digest(digest)))
		return invalid(e, ref);
	struct str s = STR_INIT;
	str_addf(&s, "%s/%s%s", domain, str_eq(domain, "docker.io") && !strchr(path, '/') ? "library/" : "", path);
	if (tag || !digest)
		str_addf(&s, ":%s", tag ? tag : "latest");
	if (digest)
		str_addf(&s, "@%s", digest);
	*ret = str_take(&s);
	return 0;
}
