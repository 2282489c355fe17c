LIBS += netfilter
netfilter_SRCS := $(wildcard netfilter/*.c)
netfilter_USES := api ionft io base
