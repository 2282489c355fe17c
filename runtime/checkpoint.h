/* Containers to files and back, by CRIU (criu(8), version 3.0 at least), which must be installed. */
#ifndef KNARR_RUNTIME_CHECKPOINT_H
#define KNARR_RUNTIME_CHECKPOINT_H

#include <stdbool.h>

#include "base/str.h"
#include "cgroups/cgroup.h"
#include "runtime/config.h"
#include "runtime/container.h"
#include "runtime/criu.h"

/* What both ways share; strings are borrowed, paths relative to the caller's directory. */
struct checkpoint_opts {
	const char *image_path;	 /* directory of the images; made for a checkpoint */
	const char *work_path;	 /* directory of log and statistics; NULL: image_path */
	const char *parent_path; /* images of a pre-dump, relative to image_path; NULL: none */
	const char *cgroups_mode;		 /* "", "soft", "full", "strict", "ignore" */
	const char *page_server;		 /* address the pages go to; NULL: into the images */
	const char *lsm_profile, *lsm_mount_context; /* restore; NULL: as they were */
	int page_port;
	int status_fd; /* gets a zero byte when the server of lazy pages is ready, -1: none */
	bool leave_running, pre_dump, tcp_established, tcp_skip_in_flight, link_remap, ext_unix_sk, shell_job, file_locks,
		auto_dedup, lazy_pages;
};
#define CHECKPOINT_OPTS_INIT ((struct checkpoint_opts){ .cgroups_mode = "", .status_fd = -1 })

/* Writes the images; the container is gone afterwards (state, cgroup, poststop hooks) unless it is left running. -EINVAL in
 * the wrong state or for a parent_path that is none; -ENOENT without container or criu; -EIO with the path of the log when
 * CRIU failed. */
int container_checkpoint(const char *root, const char *id, const struct checkpoint_opts *k, struct err *e);
/* Makes the container of o (root, id, bundle or config, console_socket, pid_file, pidfd_socket) from images. It runs at
 * once. -EEXIST: id in use; else as container_create() and container_checkpoint(). */
int container_restore(const struct container_opts *o, const struct checkpoint_opts *k, struct container_proc *ret, struct err *e);

/* Common to both (checkpoint_options.c). The options that both requests have; makes work_path. */
int checkpoint_common_options(const struct checkpoint_opts *k, const struct config *c, const char *log, struct str *opts,
			      struct err *e);
/* Descriptors of image_path and work_path, which those options name, as the worker's first two. */
int checkpoint_open_directories(const struct checkpoint_opts *k, struct criu_setup *s, struct err *e);
#define CHECKPOINT_DIRECTORIES 2
/* Bind mounts, v1 hierarchies, masked files and devices, which are not in the images but come from the host: each has a
 * name (its place in the container) and on restore a source. rootfs: an O_PATH descriptor of the root file system, in
 * which destinations are resolved; seen_root: of the running container's root with all its mounts (-1 on restore). */
void checkpoint_external_mounts(const struct config *c, int rootfs, int seen_root, const struct cgroup *cg,
				bool restore, struct str *opts);
/* "pipe:[123]" ... of the standard descriptors of a process, "" where they are something else; index 0 to 2, owned. */
json_t *checkpoint_descriptors(pid_t pid);
/* Puts the log's path behind the error. */
int checkpoint_failed(const struct checkpoint_opts *k, const char *log, int r, struct err *e);

#define CHECKPOINT_DESCRIPTORS "descriptors.json"
#define CHECKPOINT_CRIU_MIN 30000

#endif
