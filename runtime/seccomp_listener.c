/* Handing over the listener of a filter.
 *
 * From the moment the filter is there, any system call of this process may wait for an answer of the very listener that is
 * still to be delivered. So a helper process, made before and not bound by the filter, sends it: they share their
 * descriptors, and one word of memory tells it the number.
 *
 * Happy path: helper, filter, word, descriptor sent and closed by the helper, who then ends. What can fail: the clone, the
 * filter; a helper that dies or hangs (ten seconds). What always holds: between filter and delivery this process makes no
 * system call; the helper leaves no zombie and dies with its parent. */
#include "runtime/seccomp_listener.h"

#include <errno.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "runtime/sync.h"

#define TIMEOUT_MS 10000
#define HELPER_NAP_NS 20000

struct handover {
	atomic_int listener; /* 0: not yet, -1: there is none, else the descriptor + 1 */
	atomic_int sent;     /* 1: done, negative: -errno */
};

static void __attribute__((noreturn)) help(struct handover *h, int sync_fd, pid_t parent)
{
	static const struct timespec nap = { .tv_nsec = HELPER_NAP_NS };
	int listener;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (!(listener = atomic_load(&h->listener))) {
		if (getppid() != parent)
			_exit(1);
		nanosleep(&nap, NULL);
	}
	if (listener < 0)
		_exit(0);
	int r = sync_send(sync_fd, SYNC_LISTENER, 0, listener - 1);
	close(listener - 1);
	atomic_store(&h->sent, r < 0 ? r : 1);
	_exit(0);
}

/* Only memory and the clock, which is no system call. */
static int await_sent(const struct handover *h)
{
	int64_t end = clock_mono_ms() + TIMEOUT_MS;
	int sent;
	while (!(sent = atomic_load(&h->sent)))
		if (clock_mono_ms() > end)
			return -ETIMEDOUT;
	return sent < 0 ? sent : 0;
}

static int load_and_tell(const struct seccomp_program *p, struct handover *h, int sync_fd, struct err *e)
{
	/* The helper's end need not be waited for; an exec resets the flag. */
	struct sigaction forget = { .sa_handler = SIG_DFL, .sa_flags = SA_NOCLDWAIT };
	sigaction(SIGCHLD, &forget, NULL);
	pid_t self = getpid();
	long pid = syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
	if (pid < 0)
		return err_sys(e, "clone helper of the seccomp listener");
	if (pid == 0)
		help(h, sync_fd, self);
	int listener = seccomp_load(p, e);
	atomic_store(&h->listener, listener < 0 ? -1 : listener + 1);
	if (listener < 0)
		return listener;
	int r = await_sent(h);
	return r < 0 ? err_code(e, r, "hand over the seccomp listener") : 0;
}

int seccomp_listener_apply(const struct seccomp_program *p, int sync_fd, struct err *e)
{
	struct handover *h = mmap(NULL, sizeof(*h), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (h == MAP_FAILED)
		return err_sys(e, "map memory for the seccomp listener");
	return load_and_tell(p, h, sync_fd, e);
}
