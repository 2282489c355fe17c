/* Versions of the CNI specification that are spoken. */
#ifndef KNARR_CNI_VERSION_H
#define KNARR_CNI_VERSION_H

#include <stdbool.h>

#define CNI_VERSION_LATEST "1.1.0"

extern const char *const cni_versions[]; /* oldest first, NULL at the end */
bool cni_version_is_supported(const char *v);
/* A number that grows with "1.2.3", "1.2" or "1", spoken or not; -1: no version. */
int cni_version_number(const char *v);
/* <0, 0, >0 by age; an unknown version is older than all. */
int cni_version_cmp(const char *a, const char *b);
static inline bool cni_version_at_least(const char *v, const char *least)
{
	return cni_version_cmp(v, least) >= 0;
}

#endif
