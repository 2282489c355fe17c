/* The log of knarr-oci, in the two forms of logrus that callers of OCI runtimes read. */
#ifndef KNARR_CMD_OCI_LOG_H
#define KNARR_CMD_OCI_LOG_H

#include <stdbool.h>

#include "base/err.h"
#include "runtime/container.h"

struct globals;

enum oci_level { OCI_DEBUG, OCI_WARNING, OCI_ERROR };

/* Opens (appends to) the file; NULL: standard error. Call once. */
int oci_log_open(const char *file, bool json, bool debug, struct err *e);
/* The file's descriptor becomes one that is not below first. */
int oci_log_move(int first, struct err *e);
void oci_log(enum oci_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* What the library has to say; for container_notices_to(). */
void oci_log_notice(void *arg, enum container_notice level, const char *text);

/* Reports an error: to the log, and plainly to standard error where the log is a file. Returns status. */
int report(const struct globals *g, int status, const char *prefix, const struct err *e);
int report_text(const struct globals *g, int status, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif
