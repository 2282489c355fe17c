/* Versions of the CNI specification: a table in order of age; a version's rank is its place. Those that are not in it are
 * compared by their numbers. Pure, cannot fail. */
#include "cni/version.h"

#include <stdlib.h>

#include "base/str.h"

const char *const cni_versions[] = {"0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", CNI_VERSION_LATEST, NULL};

static int rank(const char *v)
{
	for (int i = 0; cni_versions[i]; i++)
		if (str_eq(cni_versions[i], v))
			return i;
	return -1;
}

bool cni_version_is_supported(const char *v)
{
	return rank(v) >= 0;
}

int cni_version_number(const char *v)
{
	int number = 0;
	for (int i = 0; i < 3; i++) {
		char *end = (char *)v;
		if (*v >= '0' && *v <= '9')
			number = number * 1000 + (int)MIN(strtol(v, &end, 10), 999L);
		if (end == v || (*end && *end != '.') || (*end && i == 2))
			return -1;
		v = *end ? end + 1 : "0";
	}
	return number;
}

int cni_version_cmp(const char *a, const char *b)
{
	return rank(a) - rank(b);
}
