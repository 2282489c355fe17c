LIBS += cni
cni_SRCS := $(wildcard cni/*.c)
cni_USES := ionft ionet base

# One program; the plugins are names of it.
PROGS += bridge
bridge_SRCS := cmd/cni/main.c
bridge_LIBS := cni
bridge_STATIC := 1
bridge_DIR := cni
CNI_NAMES := bandwidth firewall host-device host-local ipvlan loopback macvlan portmap ptp static tuning vlan
define cni_name
$(B)/cni/$(1): $(B)/cni/bridge
	@ln -f $$< $$@
$(1): $(B)/cni/$(1)
.PHONY: $(1)
PROG_OUTS += $(B)/cni/$(1)
endef
$(foreach n,$(CNI_NAMES),$(eval $(call cni_name,$(n))))
cni-plugins: bridge $(CNI_NAMES)
.PHONY: cni-plugins
