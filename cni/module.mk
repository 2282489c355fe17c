LIBS += cni
cni_SRCS := $(wildcard cni/*.c)
cni_USES := ionet base

PROGS += bridge host-local loopback
bridge_SRCS := cmd/cni/bridge.c
host-local_SRCS := cmd/cni/host-local.c
loopback_SRCS := cmd/cni/loopback.c
$(foreach p,bridge host-local loopback,$(eval $(p)_LIBS := cni)$(eval $(p)_STATIC := 1)$(eval $(p)_DIR := cni))
