LIBS += cli
cli_SRCS := $(wildcard cli/*.c)
cli_USES := rootfs cnichain cni cgroups api ionft ionet io base

PROGS += knarr
knarr_SRCS := cmd/knarr.c
knarr_LIBS := cli
