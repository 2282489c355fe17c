/* The order of API versions: v2 before v1 before v1beta2 before v1alpha1 before anything else (Kubernetes API concepts,
 * version priority). */
#ifndef KNARR_API_VERSION_H
#define KNARR_API_VERSION_H

/* Negative when a comes before b; equal versions give 0. */
int version_compare(const char *a, const char *b);

#endif
