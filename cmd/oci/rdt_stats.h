/* The member intel_rdt of the statistics. */
#ifndef KNARR_CMD_OCI_RDT_STATS_H
#define KNARR_CMD_OCI_RDT_STATS_H

#include "base/str.h"

/* Empty where there is no resctrl file system or no group of that name. */
void rdt_stats(struct str *out, const char *group);

#endif
