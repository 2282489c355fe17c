/* A plan: the short list of API calls that a plan function asks for, as plain data. */
#ifndef KNARR_CP_CONTROLLERS_PLAN_H
#define KNARR_CP_CONTROLLERS_PLAN_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is said to the user as an Event on the object that involved names, when the action was carried out or failed.
 * In message "%n" stands for the name of the answer and "%e" for the error. */
struct plan_note {
	const char *type, *reason; /* "Normal" or "Warning"; static. reason NULL: no event */
	char *message;
	json_t *involved; /* ObjectReference */
};

enum {
	PLAN_ABSENT_OK = 1, /* 404 is success */
	PLAN_EXISTS_OK = 2, /* AlreadyExists is success */
	PLAN_ALWAYS = 4,    /* carried out although an earlier stage failed */
	PLAN_REFUSED_OK = 8 /* 403 is success (a namespace that is going away) */
};

struct action {
	const char *method; /* "POST", "PUT", "PATCH", "DELETE"; NULL: only an event; static */
	char *path;
	const char *content_type; /* static */
	json_t *body;             /* NULL: none */
	unsigned flags;
	int stage; /* actions of one stage run side by side, a later stage after the earlier ones succeeded */
	struct plan_note ok, failed;
};

struct plan {
	struct action *v;
	size_t n;
	int stage;        /* what plan_*() give to the next action */
	int64_t again_ms; /* look again that long after now, 0: only when something changes */
};

void plan_done(struct plan *p);
#define AUTO_PLAN AUTO(plan_done) struct plan

/* Each adds an action in the current stage and returns it for flags and notes; valid until the next one is added.
 * path is copied; take_body is taken. */
struct action *plan_create(struct plan *p, const char *path, json_t *take_body);
struct action *plan_update(struct plan *p, const char *path, json_t *take_body);
struct action *plan_merge(struct plan *p, const char *path, json_t *take_patch);
/* uid (may be NULL) becomes a precondition; grace_s < 0 and policy NULL leave those to the server. */
struct action *plan_delete(struct plan *p, const char *path, const char *uid, int grace_s, const char *policy);
/* The difference between two states of an object as a merge patch; NULL and no action when there is none. */
struct action *plan_change(struct plan *p, const char *path, const json_t *from, const json_t *to);
/* The same for {"status": ...}, put to path + "/status". */
struct action *plan_status(struct plan *p, const char *path, const json_t *from_status, const json_t *to_status);
/* An event without a call. */
void plan_event(struct plan *p, const json_t *involved, const char *type, const char *reason, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
void plan_note_ok(struct action *a, const json_t *involved, const char *reason, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
void plan_note_failed(struct action *a, const json_t *involved, const char *reason, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
void plan_next_stage(struct plan *p);
/* Look again after_ms from now, at the latest. */
void plan_again(struct plan *p, int64_t after_ms);

#endif
