LIBS += agent
agent_SRCS := $(wildcard agent/*.c)
agent_USES := overlay dns netfilter cnichain cni rootfs cgroups api ionft ionet io base

PROGS += knarr-agent
knarr-agent_SRCS := cmd/knarr-agent.c
knarr-agent_LIBS := agent
