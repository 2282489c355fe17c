/* The default seccomp profile for containers, as the linux.seccomp object of an OCI configuration. */
#ifndef KNARR_RUNTIME_SECCOMP_DEFAULT_H
#define KNARR_RUNTIME_SECCOMP_DEFAULT_H

#include <jansson.h>
#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Everything that is harmless by name, the rest -EPERM; caps (NULL-terminated "CAP_SYS_ADMIN" ..., may be NULL: the
 * bounding set) admit further calls. Equal in effect to what Docker and containerd apply. Returns owned. */
json_t *seccomp_default_profile(char *const *caps);

/* A linux.seccomp object that names the profile instead of spelling it out: seccomp_compile() knows its member
 * SECCOMP_DEFAULT_REFERENCE, the list of capabilities that admit calls. Returns owned. */
#define SECCOMP_DEFAULT_REFERENCE "io.knarr.default"
json_t *seccomp_default_reference(char *const *caps);

/* The capabilities among caps that the profile asks about. */
uint32_t seccomp_default_mask(char *const *caps);
/* The program that the build has made for a mask: false where it has made none. */
bool seccomp_default_program(uint32_t mask, const struct sock_filter **ret, size_t *ret_n);

#endif
