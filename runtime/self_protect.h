/* Keeps containers from overwriting the binary that enters them (CVE-2019-5736 and its kind). */
#ifndef KNARR_RUNTIME_SELF_PROTECT_H
#define KNARR_RUNTIME_SELF_PROTECT_H

#include <stdbool.h>

#include "base/err.h"

/* Runs the program again from a detached read-only mount of its own file, so that no descriptor that a container gets of
 * /proc/<pid>/exe can be opened for writing. Comes back with 0 where that is already so (or where privilege for it is
 * missing and the file is not writable by us). Call first thing in main, with the original argv. */
int self_protect(char **argv, struct err *e);
/* Set where the program's entry (self_protect_entry, which the linker is told) has seen that it is so already. */
extern bool self_protect_done;

#endif
