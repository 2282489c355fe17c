# The shim is linked statically and without the event loop, hence a library of its own beside the agent's.
LIBS += shim
shim_SRCS := $(wildcard agent/shim/*.c)
shim_USES := runtime cgroups base

PROGS += knarr-shim
knarr-shim_SRCS := cmd/knarr-shim.c
knarr-shim_LIBS := shim
knarr-shim_STATIC := 1
