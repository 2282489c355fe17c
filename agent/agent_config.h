/* The agent's flags and configuration file: kubelet's names. */
#ifndef KNARR_AGENT_AGENT_CONFIG_H
#define KNARR_AGENT_AGENT_CONFIG_H

#include "agent/agent.h"

void agent_config_init(struct agent_config *c); /* defaults */
void agent_config_done(struct agent_config *c);
/* Sets one by its flag's name ("node-ip"). -ENOENT: no such flag; -EINVAL: not a value for it. */
int agent_config_set(struct agent_config *c, const char *name, const char *value, struct err *e);
/* A KubeletConfiguration, or a flat map of flag names, in YAML or JSON. */
int agent_config_load(struct agent_config *c, const char *path, struct err *e);
/* What was not given: node name and address, programs beside this one. */
int agent_config_complete(struct agent_config *c, struct err *e);
/* The flags with one line of help each, for --help. */
void agent_config_help(struct str *out);

#endif
