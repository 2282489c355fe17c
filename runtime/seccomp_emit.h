/* Instructions of classic BPF, written from the end of the program to its beginning: every jump goes forward, so that its
 * target is known already. */
#ifndef KNARR_RUNTIME_SECCOMP_EMIT_H
#define KNARR_RUNTIME_SECCOMP_EMIT_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SECCOMP_EMIT_RETURNS 16

struct seccomp_emit {
	struct sock_filter *insns; /* room for BPF_MAXINSNS, filled from its end; the caller's */
	size_t n;
	bool overflow;
	/* the nearest return of each action, the oldest forgotten first */
	struct {
		uint32_t action, label;
	} returns[SECCOMP_EMIT_RETURNS];
	size_t n_returns;
};

/* Where a jump goes: code that is written already, or the return of an action, which is written where it is needed. */
struct seccomp_target {
	bool is_action;
	uint32_t value; /* the action, or the distance of the code's first instruction from the program's end */
};

#define SECCOMP_GO(label_) ((struct seccomp_target){ .value = (label_) })
#define SECCOMP_RETURN(action_) ((struct seccomp_target){ .is_action = true, .value = (action_) })

/* Each puts its instruction before all others. */
void seccomp_emit_load(struct seccomp_emit *w, uint32_t offset);
void seccomp_emit_and(struct seccomp_emit *w, uint32_t mask);
/* op: BPF_JEQ, BPF_JGT or BPF_JGE. */
void seccomp_emit_jump(struct seccomp_emit *w, uint16_t op, uint32_t k, struct seccomp_target yes,
		       struct seccomp_target no);
/* What was written last, as a target. */
struct seccomp_target seccomp_emit_here(const struct seccomp_emit *w);

#endif
