/* A pod's volumes: made before its sandbox, mounted into its containers, kept up to date, taken down with it. */
#ifndef KNARR_AGENT_VOLUMES_H
#define KNARR_AGENT_VOLUMES_H

#include "agent/pod.h"

/* Idempotent. The text is for the FailedMount event: `MountVolume.SetUp failed for volume "x" : ...`. */
int volumes_setup(struct pod *p, struct err *e);
/* Writes changed ConfigMaps and Secrets anew; failures are logged. */
void volumes_refresh(struct pod *p);
/* Unmounts and removes everything below the pod's volumes directory. */
int volumes_teardown(struct pod *p, struct err *e);
/* Adds OCI mounts for the container's volumeMounts; env expands subPathExpr. */
int volumes_mounts(struct pod *p, const struct container_state *c, const struct map *env, json_t *to, struct err *e);
/* An OCI bind mount. */
json_t *volume_bind(const char *source, const char *destination, bool readonly, const char *propagation);
/* hostPath.c: checks or makes the path as its type says. */
int host_path_check(const char *path, const char *type, struct err *e);

#endif
