/* The Pod Security Standards as checks of a pod's spec (Kubernetes, Pod Security Standards; as of 1.36). Pure. */
#ifndef KNARR_CP_ADMISSION_POD_SECURITY_CHECKS_H
#define KNARR_CP_ADMISSION_POD_SECURITY_CHECKS_H

#include <jansson.h>
#include <stdbool.h>

enum pod_security_level { POD_SECURITY_PRIVILEGED, POD_SECURITY_BASELINE, POD_SECURITY_RESTRICTED };

#define POD_SECURITY_LATEST 1000000 /* a minor version that is never older than a check */

/* Runs the checks of a level as they were in version 1.minor. Returns "reason (detail), reason (detail)", or only the
 * reasons, in the words of the original; owned, NULL when nothing is violated. meta is the pod's (or template's). */
char *pod_security_violations(enum pod_security_level level, int minor, const json_t *meta, const json_t *spec,
			      bool details);

#endif
