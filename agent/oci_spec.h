/* From a pod and a container to an OCI configuration: pure functions. OCI runtime-spec config.md, config-linux.md. */
#ifndef KNARR_AGENT_OCI_SPEC_H
#define KNARR_AGENT_OCI_SPEC_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/map.h"

struct oci_in {
	const json_t *pod, *container;
	const json_t *image;    /* the image's "config" member (Env, Cmd, Entrypoint, WorkingDir); may be NULL */
	const struct map *env;  /* env_build() */
	const json_t *mounts;   /* OCI mounts of volumes and managed files, in order; may be NULL */
	uint32_t uid, gid;      /* resolved */
	const uint32_t *groups; /* resolved, of the image's /etc/group */
	size_t n_groups;
	const char *home;
	const char *rootfs; /* path */
	const char *cgroup; /* "/knarr/pods/<uid>/<container>" */
	const char *netns;  /* path; NULL with hostNetwork */
	pid_t pause_pid;    /* its IPC, UTS and PID namespaces are joined */
	pid_t target_pid;   /* an ephemeral container: whose PID namespace it joins; 0: its own */
	const char *hostname;
	bool cgroup_ns; /* the host has the unified hierarchy */
	int oom_floor;  /* the lowest oom_score_adj that may be set */
	int64_t node_memory_bytes;
};

/* -EINVAL with the text of CreateContainerConfigError. Returns owned. */
int oci_spec_container(const struct oci_in *in, json_t **ret, struct err *e);
/* The sandbox process: makes the namespaces that the containers join. rootfs holds the one file "pause". */
json_t *oci_spec_pause(const struct oci_in *in);
/* A process object for an exec in the container: its own with other args (owned by the caller), and tty. */
json_t *oci_exec_process(const json_t *config, char *const *argv, bool tty);

/* The user to look up in the root filesystem: "uid[:gid]" or the image's. Returns owned. */
char *oci_user(const json_t *pod, const json_t *container, const json_t *image);
/* runAsNonRoot against that user: 0 or -EACCES with the text. */
int oci_check_nonroot(const json_t *pod, const json_t *container, const char *user, uint32_t uid, struct err *e);
bool oci_privileged(const json_t *container);
int oci_oom_score(const json_t *pod, const json_t *container, int64_t node_memory_bytes);
/* linux.resources of one container, and of the whole pod (both owned). */
json_t *oci_resources(const json_t *container);
json_t *oci_pod_resources(const json_t *pod);

/* What oci_spec.c puts together. */
int oci_process(const struct oci_in *in, json_t **ret, struct err *e);
json_t *oci_linux(const struct oci_in *in);

#endif
