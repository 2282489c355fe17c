/* Inside cp/kinds: the parts of a job's rules. Pure. */
#ifndef KNARR_CP_KINDS_JOB_RULES_H
#define KNARR_CP_KINDS_JOB_RULES_H

#include <jansson.h>
#include <stdint.h>

#include "cp/schema/schema.h"

/* Indexes and policies of a job's spec at path. */
void job_policies_validate(const json_t *spec, const char *path, struct field_errors *errors);
/* What changed from old. */
void job_validate_update(const json_t *job, const json_t *old, struct field_errors *errors);
/* A written status: ends, counts and indexes fit each other. What was wrong before and did not change is let be. */
void job_validate_status(const json_t *job, const json_t *old, struct field_errors *errors);
/* "1,3-5,7": numbers below completions in rising order. Returns how many they are; where it is no such list 0, with *ret_why (owned) set. */
int64_t job_index_list_count(const char *text, int64_t completions, char **ret_why);
/* Why two such lists have an index in common; NULL: they have none. What is no interval is passed over. Returns owned. */
char *job_index_list_overlap(const char *completed, const char *failed, int64_t completions);

#endif
