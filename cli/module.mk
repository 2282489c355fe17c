LIBS += cli
cli_SRCS := $(wildcard cli/*.c)
cli_USES := cp overlay netfilter rootfs cnichain cni cgroups api ionft ionet io base

PROGS += knarr
knarr_SRCS := cmd/knarr.c
knarr_LIBS := cli

PROGS += knarr-supervise
knarr-supervise_SRCS := cmd/knarr-supervise.c
knarr-supervise_LIBS := base
knarr-supervise_STATIC := 1
