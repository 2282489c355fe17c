/* The creator's part of the talk with the child: hooks, mount sources, consoles, listeners and limits that only the creator can
 * give. What can fail: each of them, and a child that ends or says something else; the caller ends the child then. */
#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "base/fs.h"
#include "runtime/creation.h"
#include "runtime/mounts_source.h"

static int run_runtime_hooks(struct creation *c, struct err *e)
{
	int r = state_run_hooks(c->config.json, "prestart", &c->info, e);
	if (r == 0)
		r = state_run_hooks(c->config.json, "createRuntime", &c->info, e);
	return r == 0 ? sync_send(c->launch.sync_fd, SYNC_GO, 0, -1) : r;
}

static int hand_source(struct creation *c, int index, struct err *e)
{
	AUTO_FD int fd = mounts_source_open_for(&c->config, index, c->launch.pid, c->launch.pidfd, e);
	return fd < 0 ? fd : sync_send(c->launch.sync_fd, SYNC_MOUNT, index, fd);
}

static int answer(struct creation *c, enum sync_type type, int value, int *fd, struct err *e)
{
	if (type == SYNC_CONSOLE) {
		c->launch.console_fd = TAKE_FD(*fd);
		return launch_hand_console(&c->launch, c->o, e);
	}
	if (type == SYNC_LISTENER)
		return launch_send_listener(c->agent_sock, *fd, &c->seccomp, &c->info, c->launch.pid, e);
	if (type == SYNC_MOUNT)
		return hand_source(c, value, e);
	if (type == SYNC_HOOKS)
		return run_runtime_hooks(c, e);
	if (type == SYNC_LIMITS)
		return launch_set_limits(&c->launch, &c->config.process, e);
	return err_set(e, -EBADMSG, "unexpected message %d", (int)type);
}

int creation_attend(struct creation *c, struct err *e)
{
	for (;;) {
		enum sync_type type;
		int value;
		AUTO_FD int fd = -1;
		int r = sync_receive(c->launch.sync_fd, &type, &value, &fd, e);
		if (r < 0 || type == SYNC_READY)
			return r;
		r = answer(c, type, value, &fd, e);
		if (r < 0)
			return r;
	}
}

int creation_await_exec(struct creation *c, struct err *e)
{
	struct err mine = ERR_INIT;
	enum sync_type type;
	int r = sync_receive(c->launch.sync_fd, &type, NULL, NULL, &mine);
	if (r == -EPIPE) {
		c->info.status = CONTAINER_RUNNING;
		unlinkat(c->dir.fd, STATE_GATE, 0);
		return state_run_hooks(c->config.json, "poststart", &c->info, e);
	}
	if (e)
		*e = mine;
	return r < 0 ? r : err_set(e, -EBADMSG, "unexpected message %d", (int)type);
}

int creation_reason(struct creation *c, int r, struct err *e)
{
	struct err theirs = ERR_INIT;
	enum sync_type type;
	struct pollfd p = { .fd = c->launch.sync_fd, .events = POLLIN };
	if (poll(&p, 1, 0) != 1 || sync_receive(c->launch.sync_fd, &type, NULL, NULL, &theirs) >= 0 || theirs.code == -EPIPE)
		return r;
	if (e)
		*e = theirs;
	return theirs.code;
}
