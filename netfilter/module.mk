LIBS += netfilter
netfilter_SRCS := $(wildcard netfilter/*.c)
netfilter_USES := api ionet ionft io base
netfilter_PKGS := libmnl

# Drives the proxy in tests/bats/netfilter.
PROGS += proxy-drive
proxy-drive_SRCS := tests/bats/netfilter/drive.c
proxy-drive_LIBS := netfilter
proxy-drive_DIR := test

# Drives a watch of nf_tables there.
PROGS += watch-drive
watch-drive_SRCS := tests/bats/netfilter/watch.c
watch-drive_LIBS := netfilter
watch-drive_DIR := test

PROGS += knarr-proxy
knarr-proxy_SRCS := cmd/knarr-proxy.c cmd/proxy_config.c
knarr-proxy_LIBS := netfilter

# Drives network policies in tests/bats/policy.
PROGS += policy-drive
policy-drive_SRCS := tests/bats/policy/drive.c
policy-drive_LIBS := netfilter
policy-drive_DIR := test
