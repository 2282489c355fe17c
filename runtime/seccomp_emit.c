/* Writing BPF backwards.
 *
 * Happy path: an instruction goes before the others; a jump's distance is the difference of two distances from the end.
 * What can fail: the program grows beyond what the kernel takes, which is remembered and told by overflow. What always
 * holds: conditional jumps reach at most 255 instructions; beyond, a return is repeated or an unconditional jump put
 * between. */
#include "runtime/seccomp_emit.h"

#include "base/mem.h"

#define REACH 255

static void put(struct seccomp_emit *w, struct sock_filter insn)
{
	if (w->n == BPF_MAXINSNS) {
		w->overflow = true;
		return;
	}
	w->n++;
	w->insns[BPF_MAXINSNS - w->n] = insn;
}

void seccomp_emit_load(struct seccomp_emit *w, uint32_t offset)
{
	put(w, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset));
}

void seccomp_emit_and(struct seccomp_emit *w, uint32_t mask)
{
	put(w, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, mask));
}

struct seccomp_target seccomp_emit_here(const struct seccomp_emit *w)
{
	return SECCOMP_GO((uint32_t)w->n);
}

static uint32_t distance(const struct seccomp_emit *w, uint32_t label)
{
	return (uint32_t)w->n - label;
}

/* Two places are kept free for what the other branch of the same jump may put between. */
static uint32_t near_return(struct seccomp_emit *w, uint32_t action)
{
	size_t i = 0;
	while (i < w->n_returns && w->returns[i].action != action)
		i++;
	if (i < w->n_returns && distance(w, w->returns[i].label) <= REACH - 2)
		return w->returns[i].label;
	if (i == SECCOMP_EMIT_RETURNS)
		i = w->n % SECCOMP_EMIT_RETURNS;
	put(w, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action));
	w->returns[i].action = action;
	w->returns[i].label = (uint32_t)w->n;
	w->n_returns = MAX(w->n_returns, i + 1);
	return (uint32_t)w->n;
}

/* The place of a target, at most 255 instructions ahead; what was written last falls through to it when it is an
 * action. */
static uint32_t seccomp_emit_near(struct seccomp_emit *w, struct seccomp_target t)
{
	if (t.is_action)
		return near_return(w, t.value);
	if (distance(w, t.value) <= REACH - 2)
		return t.value;
	put(w, (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, distance(w, t.value)));
	return (uint32_t)w->n;
}

void seccomp_emit_jump(struct seccomp_emit *w, uint16_t op, uint32_t k, struct seccomp_target yes, struct seccomp_target no)
{
	uint32_t t = seccomp_emit_near(w, yes), f = seccomp_emit_near(w, no);
	put(w, (struct sock_filter)BPF_JUMP(BPF_JMP | op | BPF_K, k, (uint8_t)distance(w, t), (uint8_t)distance(w, f)));
}
