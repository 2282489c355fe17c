/* The files of configMap, secret, downwardAPI and projected volumes: a pure function of the pod and its objects. */
#ifndef KNARR_AGENT_VOLUME_CONTENT_H
#define KNARR_AGENT_VOLUME_CONTENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "agent/fieldref.h"

struct volume_file {
	char *path; /* relative, no "..", owned */
	char *bytes;
	size_t len;
	mode_t mode;
	int64_t uid; /* of its owner, -1: root */
};

struct volume_files {
	struct volume_file *files; /* a later one of the same path replaces the earlier */
	size_t n;
};

struct volume_in {
	struct pod_facts facts;
	const json_t *(*object)(void *arg, const char *resource, const char *name); /* NULL where there is none */
	/* The token of a serviceAccountToken source, borrowed; NULL with the reason in e. */
	const char *(*token)(void *arg, const json_t *source, struct err *e);
	int64_t fs_group; /* of the pod, -1: none */
	void *arg;
};

/* Whether the volume is one of these kinds. */
bool volume_has_content(const json_t *volume);
/* -ENOENT: an object or key is missing; -EINVAL: a path that leaves the volume; -EOPNOTSUPP: a source that is not
 * supported. The text is for the FailedMount event. */
int volume_content(const struct volume_in *in, const json_t *volume, struct volume_files *ret, struct err *e);
void volume_files_done(struct volume_files *f);

#endif
