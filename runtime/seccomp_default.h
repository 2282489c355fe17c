/* The default seccomp profile for containers, as the linux.seccomp object of an OCI configuration. */
#ifndef KNARR_RUNTIME_SECCOMP_DEFAULT_H
#define KNARR_RUNTIME_SECCOMP_DEFAULT_H

#include <jansson.h>

/* Everything that is harmless by name, the rest -EPERM; caps (NULL-terminated "CAP_SYS_ADMIN" ..., may be NULL: the
 * bounding set) admit further calls. Equal in effect to what Docker and containerd apply. Returns owned. */
json_t *seccomp_default_profile(char *const *caps);

#endif
