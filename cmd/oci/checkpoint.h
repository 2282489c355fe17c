/* Options that checkpoint and restore share. */
#ifndef KNARR_CMD_OCI_CHECKPOINT_H
#define KNARR_CMD_OCI_CHECKPOINT_H

#include "cmd/oci/oci.h"
#include "runtime/checkpoint.h"

/* Both verbs fill this; each has rows for the part that concerns it. */
struct checkpoint_flags {
	const char *image_path, *work_path, *parent_path, *cgroups_mode, *page_server, *lsm_profile, *lsm_mount_context;
	const char *console_socket, *bundle, *pid_file;
	int64_t status_fd;
	char **empty_ns;
	bool leave_running, tcp_established, tcp_skip_in_flight, link_remap, ext_unix_sk, shell_job, lazy_pages, file_locks,
		pre_dump, auto_dedup, detach, no_subreaper, no_pivot;
};

#define CHECKPOINT_ROW(member, kind, name, letter, text) ROW(struct checkpoint_flags, member, kind, name, letter, text)
#define CHECKPOINT_SHARED_ROWS                                                                                         \
	CHECKPOINT_ROW(image_path, OPTION_TEXT, "image-path", 0, "directory of the image files (default: \"checkpoint\")"), \
		CHECKPOINT_ROW(work_path, OPTION_TEXT, "work-path", 0, "directory of work files and logs"),            \
		CHECKPOINT_ROW(tcp_established, OPTION_FLAG, "tcp-established", 0, "allow open tcp connections"),      \
		CHECKPOINT_ROW(ext_unix_sk, OPTION_FLAG, "ext-unix-sk", 0, "allow external unix sockets"),             \
		CHECKPOINT_ROW(shell_job, OPTION_FLAG, "shell-job", 0, "allow shell jobs"),                            \
		CHECKPOINT_ROW(lazy_pages, OPTION_FLAG, "lazy-pages", 0, "restore memory pages lazily by userfaultfd"), \
		CHECKPOINT_ROW(file_locks, OPTION_FLAG, "file-locks", 0, "handle file locks, for safety"),             \
		CHECKPOINT_ROW(cgroups_mode, OPTION_TEXT, "manage-cgroups-mode", 0,                                    \
			       "cgroups mode: soft|full|strict|ignore (default: soft)"),                               \
		CHECKPOINT_ROW(empty_ns, OPTION_LIST, "empty-ns", 0,                                                   \
			       "create a namespace, but don't restore its properties"),                                \
		CHECKPOINT_ROW(auto_dedup, OPTION_FLAG, "auto-dedup", 0, "enable auto deduplication of memory images")

/* What the shared options mean for the library; borrows from f. -EINVAL. */
int checkpoint_prepare(const struct checkpoint_flags *f, struct checkpoint_opts *ret, struct err *e);

#endif
