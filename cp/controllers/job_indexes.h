/* Sets of completion indexes, as Job.status writes them ("1,3-5,7"). Pure. */
#ifndef KNARR_CP_CONTROLLERS_JOB_INDEXES_H
#define KNARR_CP_CONTROLLERS_JOB_INDEXES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct job_indexes {
	struct job_range {
		int64_t first, last;
	} *v; /* in order, apart from each other by more than one */
	size_t n;
};

void job_indexes_done(struct job_indexes *s);
#define AUTO_JOB_INDEXES AUTO(job_indexes_done) struct job_indexes
/* What is no index or not below limit is left out; NULL is the empty set. */
void job_indexes_parse(struct job_indexes *s, const char *text, int64_t limit);
char *job_indexes_text(const struct job_indexes *s); /* owned */
void job_indexes_add(struct job_indexes *s, int64_t index);
bool job_indexes_has(const struct job_indexes *s, int64_t index);
int64_t job_indexes_count(const struct job_indexes *s);

#endif
