/* What the checks of pod security share: findings, and walks over containers. */
#ifndef KNARR_CP_ADMISSION_POD_SECURITY_FINDING_H
#define KNARR_CP_ADMISSION_POD_SECURITY_FINDING_H

#include <jansson.h>
#include <stdbool.h>

#include "base/json.h"
#include "base/str.h"

/* What a check has found. */
struct finding {
	const json_t *meta, *spec;
	int minor;
	char *reason, *detail; /* reason NULL: nothing */
};

/* Walks all containers of spec: for (struct walk w = {0}; (c = check_next_container(spec, &w));) */
struct walk {
	size_t list, at;
};

const json_t *check_next_container(const json_t *spec, struct walk *w);
const char *check_name(const json_t *named);

/* Words and lists for messages; owned where not const. */
const char *check_plural(const char *one, const char *many, size_t n);
void check_add_once(char ***list, const char *text);
void check_sort(char **list);
bool check_is_one_of(const char *const *list, const char *text);
char *check_quoted(char *const *list);			/* "a", "b" */
char *check_containers(char *const *names);		/* containers "a", "b" */
char *check_setters(bool pod, char *const *names);	/* pod and container "a" */
void check_found(struct finding *f, const char *reason, char *detail); /* takes detail */

/* Names of the containers whose value at path is of the JSON type; owned. */
char **check_containers_with(const json_t *spec, const char *path, json_type type);
/* Names of the containers that add capabilities outside allowed; the capabilities go to values. */
char **check_adding(const json_t *spec, const char *const *allowed, char ***values);
/* Notes who sets a seccomp profile that is not allowed; whether somebody does. */
bool check_seccomp(struct finding *f);
bool check_is_windows(const struct finding *f, int since);
/* Whether the pod has users of its own, which lifts some checks. */
bool check_has_own_users(const struct finding *f);

void pod_security_apparmor(struct finding *f);
void pod_security_capabilities_baseline(struct finding *f);
void pod_security_host_namespaces(struct finding *f);
void pod_security_host_path_volumes(struct finding *f);
void pod_security_host_ports(struct finding *f);
void pod_security_host_handlers(struct finding *f);
void pod_security_privileged(struct finding *f);
void pod_security_proc_mount(struct finding *f);
void pod_security_proc_mount_restricted(struct finding *f);
void pod_security_selinux_options(struct finding *f);
void pod_security_seccomp_baseline(struct finding *f);
void pod_security_sysctls(struct finding *f);
void pod_security_windows_host_process(struct finding *f);
void pod_security_privilege_escalation(struct finding *f);
void pod_security_capabilities_restricted(struct finding *f);
void pod_security_restricted_volumes(struct finding *f);
void pod_security_run_as_non_root(struct finding *f);
void pod_security_run_as_user(struct finding *f);
void pod_security_seccomp_restricted(struct finding *f);

#endif
