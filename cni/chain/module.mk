# The caller of plugins lives on the event loop; the plugins do not, hence a library of its own.
LIBS += cnichain
cnichain_SRCS := $(wildcard cni/chain/*.c)
cnichain_USES := cni ionet io base
