/* The generator of seccomp filters: a pure function from a parsed profile to classic BPF. */
#ifndef KNARR_RUNTIME_SECCOMP_BPF_H
#define KNARR_RUNTIME_SECCOMP_BPF_H

#include <linux/filter.h>
#include <stddef.h>

#include "base/err.h"
#include "runtime/seccomp_profile.h"

/* The program for a machine of the given architecture (its 32-bit companions as far as the profile has them; all others
 * are killed). Verdicts are those of libseccomp's filter for the same rules with runc's prefix before it:
 *  - a rule without conditions decides for its call, wherever it stands; else the first rule that matches;
 *  - numbers above the newest call that the profile names answer ENOSYS unless the default action lets calls through;
 *  - x86 and x32 compare the lower half of arguments only; socket and IPC calls of x86 are also reached through
 *    socketcall(2) and ipc(2), where conditions on the first argument cannot be seen and do not count.
 * ret: owned, ret_n instructions. -E2BIG when the kernel would not take so many. */
int seccomp_bpf_generate(const struct seccomp_profile *p, enum seccomp_arch native, struct sock_filter **ret, size_t *ret_n,
			 struct err *e);

#endif
