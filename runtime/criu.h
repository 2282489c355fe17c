/* The criu program as a worker ("criu swrk"): one process for one request, spoken to over a socket.
 *
 * The worker is used rather than its command line because only this way come the notifications that a runtime must act on:
 * the pid of the restored process, the master of its terminal (a descriptor), hooks between namespaces and processes. */
#ifndef KNARR_RUNTIME_CRIU_H
#define KNARR_RUNTIME_CRIU_H

#include <sys/types.h>

#include "base/err.h"
#include "runtime/criu_rpc.h"

struct criu {
	pid_t pid;
	int sock;
};
#define CRIU_INIT ((struct criu){ .sock = -1 })

#define CRIU_FIRST_FD 4
#define CRIU_FDS_MAX 4

/* What the worker starts with; zero is fine. */
struct criu_setup {
	int fds[CRIU_FDS_MAX]; /* become its descriptors CRIU_FIRST_FD, +1 ...; borrowed */
	size_t n_fds;
	/* Runs in the worker before its exec, may add to fds: directories must be opened where the worker's mounts are. */
	int (*prepare)(void *arg, struct criu_setup *s, struct err *e);
	void *arg;
};

/* Starts a worker with the caller's standard descriptors. -ENOENT with `exec: "criu": executable file not found in $PATH`
 * where there is none; else what prepare failed with. */
int criu_start(struct criu *c, const struct criu_setup *setup, struct err *e);
/* Called for every notification; fd is a descriptor that came with it, or -1, and may be taken. */
typedef int criu_notify_fn(void *arg, const struct criu_answer *a, int *fd, struct err *e);
/* Sends the request, serves notifications until the answer is there. -EIO: CRIU says that it failed. */
int criu_ask(struct criu *c, const struct str *request, criu_notify_fn *notify, void *arg, struct criu_answer *ret,
	     struct err *e);
/* Lets the worker end and reaps it. -EIO where it did not end well. */
int criu_finish(struct criu *c, struct err *e);
/* Ends and reaps a worker that is still there. */
void criu_done(struct criu *c);
#define AUTO_CRIU AUTO(criu_done) struct criu

/* 31701 for 3.17.1, asked of a worker of its own. */
int criu_version(struct err *e);
/* Whether it and the kernel can track changed memory and serve pages lazily. */
int criu_features(struct criu_answer *ret, struct err *e);

#endif
