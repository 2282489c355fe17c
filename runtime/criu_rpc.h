/* The messages of CRIU's service protocol (/usr/include/criu/rpc.proto) as bytes: pure, no I/O.
 *
 * The protocol is protocol buffers. Only the fields that a runtime needs are here: requests are written field by field into a
 * string, answers are read into a flat structure, and fields that are not known are passed over. */
#ifndef KNARR_RUNTIME_CRIU_RPC_H
#define KNARR_RUNTIME_CRIU_RPC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

enum criu_type {
	CRIU_DUMP = 1,
	CRIU_RESTORE = 2,
	CRIU_PRE_DUMP = 4,
	CRIU_NOTIFY = 6,
	CRIU_FEATURE_CHECK = 9,
	CRIU_VERSION = 10,
};
/* "DUMP" and so on, as error messages name them. */
const char *criu_type_name(int type);

/* Fields of criu_opts, by their number in the protocol. */
enum criu_option {
	CRIU_IMAGES_DIR_FD = 1,
	CRIU_PID = 2,
	CRIU_LEAVE_RUNNING = 3,
	CRIU_EXT_UNIX_SK = 4,
	CRIU_TCP_ESTABLISHED = 5,
	CRIU_EVASIVE_DEVICES = 6,
	CRIU_SHELL_JOB = 7,
	CRIU_FILE_LOCKS = 8,
	CRIU_LOG_LEVEL = 9,
	CRIU_LOG_FILE = 10,
	CRIU_PAGE_SERVER = 11,
	CRIU_NOTIFY_SCRIPTS = 12,
	CRIU_ROOT = 13,
	CRIU_PARENT_IMG = 14,
	CRIU_TRACK_MEM = 15,
	CRIU_AUTO_DEDUP = 16,
	CRIU_WORK_DIR_FD = 17,
	CRIU_LINK_REMAP = 18,
	CRIU_EXT_MNT = 23,
	CRIU_MANAGE_CGROUPS = 24,
	CRIU_CG_ROOT = 25,
	CRIU_RST_SIBLING = 26,
	CRIU_INHERIT_FD = 27,
	CRIU_MANAGE_CGROUPS_MODE = 34,
	CRIU_EXTERNAL = 37,
	CRIU_EMPTY_NS = 38,
	CRIU_JOIN_NS = 39,
	CRIU_FREEZE_CGROUP = 44,
	CRIU_TCP_SKIP_IN_FLIGHT = 46,
	CRIU_LAZY_PAGES = 48,
	CRIU_ORPHAN_PTS_MASTER = 50,
	CRIU_CONFIG_FILE = 51,
	CRIU_LSM_PROFILE = 53,
	CRIU_LSM_MOUNT_CONTEXT = 63,
};

/* Each adds one field to opts. */
void criu_add_number(struct str *opts, enum criu_option field, uint64_t value); /* also bool and enumerations */
void criu_add_text(struct str *opts, enum criu_option field, const char *text);
/* Messages of two fields: two texts (external mount, cgroup root, joined namespace), a text and a number (inherited
 * descriptor, page server). */
void criu_add_texts(struct str *opts, enum criu_option field, const char *first, const char *second);
void criu_add_text_number(struct str *opts, enum criu_option field, const char *text, uint64_t number);

/* A whole request; opts may be NULL. Adds to ret. */
void criu_request(enum criu_type type, const struct str *opts, struct str *ret);
/* The answer to a notification. */
void criu_notify_done(struct str *ret);
/* Asks whether memory tracking and lazy pages work here. */
void criu_ask_features(struct str *ret);

struct criu_answer {
	int type; /* enum criu_type */
	bool success;
	int cr_errno;
	char script[64];   /* which notification */
	int pid;	   /* of a notification or a restore */
	char message[256]; /* CRIU's own words, or "" */
	bool mem_track, lazy_pages;
	int version; /* 31701 for 3.17.1 */
};
/* -EBADMSG for bytes that are no such message. */
int criu_answer_parse(const void *bytes, size_t n, struct criu_answer *ret);

/* "", "soft", "full", "strict", "ignore" to the protocol's number, -EINVAL. */
int criu_cgroups_mode(const char *name);

#endif
