/* The protocol between the agent and a pod's supervisor (knarr-shim).
 *
 * One SOCK_SEQPACKET Unix socket a pod, <pod run dir>/shim.sock (mode 0600, root only). Each packet is one of the
 * structs below, so that the supervisor parses nothing and allocates nothing. Descriptors travel by SCM_RIGHTS. The
 * layout is frozen per SHIM_PROTO_VERSION: an agent must be able to talk to supervisors that an older one started; new
 * fields are appended and receivers take longer or shorter packets (missing bytes are zero).
 *
 * The exit of a container is also written to <bundle>/exit.json before the event is sent, so that nothing is lost when
 * no agent listens or the supervisor itself dies. */
#ifndef KNARR_AGENT_SHIM_SHIM_PROTO_H
#define KNARR_AGENT_SHIM_SHIM_PROTO_H

#include <stdint.h>

#define SHIM_PROTO_VERSION 1
#define SHIM_SOCKET_NAME "shim.sock"
#define SHIM_PID_NAME "shim.pid"
#define SHIM_EXIT_NAME "exit.json"
#define SHIM_RUNTIME_DIR "oci" /* the runtime's state directory below the pod's */
#define SHIM_ID_MAX 192
#define SHIM_PATH_MAX 768
#define SHIM_TEXT_MAX 640
/* The annotation of config.json that makes the supervisor add the built-in seccomp profile: "runtime/default". */
#define SHIM_SECCOMP_ANNOTATION "io.knarr.seccomp"

enum shim_op {
	SHIM_OP_CREATE = 1, /* id, path: bundle, log, flags TTY, STDIN, STDIN_ONCE -> pid */
	SHIM_OP_START,      /* id -> time_ns */
	SHIM_OP_SIGNAL,     /* id, signal, flags ALL */
	SHIM_OP_REMOVE,     /* id: kills what is left; removes cgroup and runtime state, the bundle stays the agent's */
	SHIM_OP_EXEC,       /* id, exec, path: file with an OCI process object (unlinked when read), flags TTY, and without
	                       it 3 descriptors -> pid, with TTY 1 descriptor: the pty's master */
	SHIM_OP_ATTACH,     /* id, 3 descriptors: stdin, stdout, stderr; output is copied to them from now on */
	SHIM_OP_RESIZE,     /* id, width, height of the container's tty */
	SHIM_OP_REOPEN,     /* id: opens the log again by its name (rotation) */
	SHIM_OP_STATE,      /* -> one SHIM_STATE packet a container, then the reply */
	SHIM_OP_SHUTDOWN,   /* kills and removes every container, replies, exits */
	SHIM_OP_MAX
};

enum shim_flag { SHIM_TTY = 1, SHIM_STDIN = 2, SHIM_STDIN_ONCE = 4, SHIM_ALL = 8, SHIM_OOM = 16 };

struct shim_request {
	uint32_t version, id_no, op, flags;
	uint32_t signal, width, height, pad;
	char id[SHIM_ID_MAX];
	char exec[SHIM_ID_MAX];
	char path[SHIM_PATH_MAX];
	char log[SHIM_PATH_MAX];
};

enum shim_packet { SHIM_REPLY = 1, SHIM_STATE, SHIM_EXIT };
enum shim_state_code { SHIM_CREATING, SHIM_CREATED, SHIM_RUNNING, SHIM_STOPPED };

/* What the supervisor sends. REPLY: id_no of the request, code 0 or a negative errno with text, pid, time_ns; STATE:
 * id_no, one container; EXIT: id, exec ("" for the container's own process), exit_code, signal, flags OOM. */
struct shim_message {
	uint32_t version, type, id_no, flags;
	int32_t code, pid, exit_code, signal;
	uint32_t state;
	uint32_t exec_error; /* 127 or 126 when code says that the program itself cannot be run */
	int64_t time_ns;     /* REPLY, STATE: started; EXIT, STATE of a stopped one: finished in finished_ns */
	int64_t created_ns, finished_ns;
	char id[SHIM_ID_MAX];
	char exec[SHIM_ID_MAX];
	char text[SHIM_TEXT_MAX];
};

#endif
