LIBS += netfilter
netfilter_SRCS := $(wildcard netfilter/*.c)
netfilter_USES := api ionet ionft io base
