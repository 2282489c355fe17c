/* Version names. Purpose: one order for all who list versions. Happy path: v<major>[alpha|beta<minor>] is taken apart
 * and compared by stability, then by numbers, downwards; other names follow, by their letters. Nothing fails. */
#include "api/version.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

struct version {
	int stability; /* 0 is GA, 1 beta, 2 alpha, 3 no version of ours */
	long major, minor;
};

static struct version parse(const char *s)
{
	static const char *const words[] = {NULL, "beta", "alpha"};
	struct version other = {.stability = 3}, v = {0};
	char *end;
	if (*s != 'v' || s[1] < '0' || s[1] > '9')
		return other;
	v.major = strtol(s + 1, &end, 10);
	if (!*end)
		return v;
	for (int i = 1; i < (int)ARRAY_LEN(words); i++) {
		if (!str_has_prefix(end, words[i]))
			continue;
		const char *number = end + strlen(words[i]);
		if (*number < '0' || *number > '9')
			return other;
		v.stability = i;
		v.minor = strtol(number, &end, 10);
		return *end ? other : v;
	}
	return other;
}

int version_compare(const char *a, const char *b)
{
	struct version x = parse(a), y = parse(b);
	if (x.stability != y.stability)
		return x.stability - y.stability;
	if (x.stability == 3)
		return strcmp(a, b);
	if (x.major != y.major)
		return x.major > y.major ? -1 : 1;
	return (y.minor > x.minor) - (y.minor < x.minor);
}
