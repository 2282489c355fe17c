LIBS += dns
dns_SRCS := $(wildcard dns/*.c)
dns_USES := api ionet io base
dns_PKGS := ldns
