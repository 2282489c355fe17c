/* The connection of an exec or attach: its streams, its pipes, its end. server_exec.c begins them. */
#ifndef KNARR_AGENT_EXEC_SESSION_H
#define KNARR_AGENT_EXEC_SESSION_H

#include <sys/ioctl.h>

#include "agent/server.h"
#include "io/streams.h"

enum { CH_STDIN, CH_STDOUT, CH_STDERR, CH_ERROR, CH_RESIZE, CHANNELS };

struct session;

struct output {
	struct session *s;
	uint8_t channel;
	int fd;
	struct fd_watch *watch;
};

struct session {
	struct agent *agent;
	struct streams *streams;
	uint32_t ids[CHANNELS]; /* of the streams; with channels the same numbers */
	unsigned wanted;	/* bits of channels that have to be open first; 0: begun */
	void (*begin)(struct session *s);
	char **argv;
	struct str resizes; /* what came of the next one */
	struct exec *exec;
	struct output out[2];
	bool has_tty;              /* the master has come */
	int in_fd;                 /* pipe to stdin; the master with tty (owned by out[0]) */
	struct fd_watch *in_watch; /* while the pipe is full */
	struct str in_pending;
	struct timer *timer;   /* after the exit: a child may keep the pipes open */
	char *uid, *container;
	char *message;
	bool want[3]; /* stdin, stdout, stderr */
	bool tty, attach, in_close, ended, failed, told;
	int exit_code;
	struct winsize size;
};

/* Upgrades the connection, or answers 400. Takes argv (may be NULL). begin is called now, or once the streams that a client of
 * SPDY announces are open; want: stdin, stdout, stderr. */
void session_start(struct agent *a, struct http_exchange *x, const struct target *t, void (*begin)(struct session *s), bool tty,
		   bool attach, char **argv, const bool want[3]);
/* Whether a query asks for it, by the agent's or the API's name. */
bool session_flag(struct http_exchange *x, const char *agent_name, const char *api_name);
/* Reads fd (taken) and sends it on a channel; i: 0 or 1. */
void session_read(struct session *s, int i, uint8_t channel, int fd);
/* Something could not be done: the Status says so. */
void session_fail(struct session *s, const char *text);
/* For exec_start(). */
void session_on_started(void *arg, int r, int tty_fd, const struct err *e);
void session_on_ended(void *arg, int exit_code);

#endif
