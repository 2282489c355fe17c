# One non-recursive Makefile. Each folder's module.mk names its library and programs:
#
#   LIBS += io                       a folder that becomes lib<io>.a
#   io_SRCS := $(wildcard io/*.c)    its sources
#   io_USES := base                  the libraries below it, in link order
#   io_PKGS := libuv openssl         pkg-config packages;  io_LDLIBS := -lhttp_parser  for those without
#   PROGS += knarr-server            a program: _SRCS, _LIBS, _DIR (bin or cni), _STATIC := 1, _RAW := 1 (no libc)
#
# make             everything into build/            make SAN=1 ...   the same with sanitizers into build/san/
# make lib-io      one library                       make test-io     its unit tests
# make test        all unit tests                    make lint        style, layers, tidy, man pages, shellcheck
# make bench       measure beside the peers          make install     under $(DESTDIR)$(PREFIX)
# make tidy        clang-tidy over all sources (lint: over those changed since TIDY_SINCE, the last commit)
# make FUZZ=1 fuzz the fuzz targets with libFuzzer into build/fuzz/fuzz/ (tests/fuzz/run runs them for a while)
# make SAN=1 test-fuzz  the same targets over the committed inputs only

PREFIX ?= /usr/local
CC ?= cc
B := build$(if $(FUZZ),/fuzz,$(if $(SAN),/san))
ifdef FUZZ
CC := clang
SAN := 1
FUZZ_CFLAGS := -w -fsanitize=fuzzer-no-link
endif
all:

LIBS :=
PROGS :=
include $(sort $(wildcard module.mk */module.mk */*/module.mk))

WARN := -Wall -Wextra -Wno-format-truncation -Wshadow -Wmissing-prototypes -Wstrict-prototypes -Wvla -Werror
comma := ,
HARDEN := $(if $(SAN),-fsanitize=address$(comma)undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer,-D_FORTIFY_SOURCE=2 -fstack-protector-strong)
CFLAGS ?= -O2 -g
ALL_CFLAGS = -std=gnu17 $(CFLAGS) $(WARN) $(HARDEN) $(FUZZ_CFLAGS) -D_GNU_SOURCE -DKNARR_VERSION='"$(VERSION)"' -I. -I$(B)/gen -fPIE -ffunction-sections -fdata-sections
ALL_LDFLAGS = $(LDFLAGS) -Wl,-z,relro,-z,now -Wl,--gc-sections -Wl,--as-needed $(if $(SAN),-fsanitize=address$(comma)undefined)
VERSION := $(shell cat VERSION)

# pkg-config is asked once per package set and remembered in variables.
pkg_cflags = $(foreach p,$(sort $(1)),$(eval pc_cflags_$(p) ?= $$(shell pkg-config --cflags $(p)))$(pc_cflags_$(p)))
pkg_libs = $(foreach p,$(1),$(eval pc_libs_$(p) ?= $$(shell pkg-config --libs $(p)))$(pc_libs_$(p)))
pkg_static = $(foreach p,$(1),$(eval pc_static_$(p) ?= $$(shell pkg-config --static --libs $(p)))$(pc_static_$(p)))
uniq = $(if $1,$(call uniq,$(filter-out $(lastword $1),$1)) $(lastword $1))

define lib_rules
$(B)/obj/$(1).stamp := $(B)
$(1)_OBJS := $$(patsubst %,$(B)/obj/%.o,$$(basename $$($(1)_SRCS)))
$$($(1)_OBJS): LOCAL_CFLAGS = $$(call pkg_cflags,$$($(1)_PKGS) $$(foreach l,$$($(1)_USES),$$($$(l)_PKGS)))
$(B)/lib/lib$(1).a: $$($(1)_OBJS)
	@mkdir -p $$(@D)
	@rm -f $$@
	$$(Q)$$(AR) rcs $$@ $$($(1)_OBJS)
lib-$(1): $(B)/lib/lib$(1).a
.PHONY: lib-$(1)
OBJS += $$($(1)_OBJS)
endef

lib_files = $(foreach l,$(1),$(B)/lib/lib$(l).a)
lib_closure = $(call uniq,$(foreach l,$(1),$(l) $($(l)_USES)))
lib_pkgs = $(call uniq,$(foreach l,$(1),$($(l)_PKGS)))

define prog_rules
$(1)_OBJS := $$(patsubst %,$(B)/obj/%.o,$$(basename $$($(1)_SRCS)))
$(1)_OUT := $(B)/$$(or $$($(1)_DIR),bin)/$(1)
$(1)_ALL := $$(call lib_closure,$$($(1)_LIBS))
$$($(1)_OBJS): LOCAL_CFLAGS = $$(call pkg_cflags,$$(call lib_pkgs,$$($(1)_ALL))) $$($(1)_CFLAGS)
$$($(1)_OUT): $$($(1)_OBJS) $$(call lib_files,$$($(1)_ALL))
	@mkdir -p $$(@D)
	@echo "  LINK $$@"
	$$(Q)$$(CC) $$(ALL_LDFLAGS) $$(if $$($(1)_STATIC),$$(if $$(SAN),-pie,-static-pie),-pie) $$($(1)_LDFLAGS) -o $$@ $$($(1)_OBJS) \
	  $$(call lib_files,$$($(1)_ALL)) \
	  $$(if $$(and $$($(1)_STATIC),$$(if $$(SAN),,1)),$$(call pkg_static,$$(call lib_pkgs,$$($(1)_ALL))),$$(call pkg_libs,$$(call lib_pkgs,$$($(1)_ALL)))) \
	  $$(foreach l,$$($(1)_ALL),$$($$(l)_LDLIBS))
$(1): $$($(1)_OUT)
.PHONY: $(1)
OBJS += $$($(1)_OBJS)
PROG_OUTS += $$($(1)_OUT)
endef

define raw_rules
$(1)_OUT := $(B)/$$(or $$($(1)_DIR),bin)/$(1)
$$($(1)_OUT): $$($(1)_SRCS) Makefile VERSION
	@mkdir -p $$(@D)
	@echo "  LINK $$@"
	$$(Q)$$(CC) -std=gnu17 -Os $$(WARN) -I. -static -nostdlib -nostartfiles -ffreestanding -fno-stack-protector -fno-asynchronous-unwind-tables -fno-pie -no-pie -DKNARR_VERSION='"$(VERSION)"' \
	  -Wl,--build-id=none -Wl,-z,norelro -Wl,-z,noseparate-code -Wl,-n -s -o $$@ $$($(1)_SRCS)
$(1): $$($(1)_OUT)
.PHONY: $(1)
PROG_OUTS += $$($(1)_OUT)
endef

# A unit test tests/unit/<folder>/x_test.c links the folder's library (the first path component, or shim), check and the
# packages that a variable <path>_PKGS names.
TEST_SRCS := $(sort $(shell find tests/unit -name '*_test.c' 2>/dev/null))
test_lib = $(firstword $(subst /, ,$(patsubst tests/unit/%,%,$(1))))
define test_rules
$(1)_NAME := $(patsubst tests/unit/%.c,%,$(1))
$(1)_ALL := $$(call lib_closure,$(call test_lib,$(1)))
$(B)/obj/$(1:.c=.o): LOCAL_CFLAGS = $$(call pkg_cflags,check $$($(1)_PKGS) $$(call lib_pkgs,$$($(1)_ALL)))
$(B)/test/$$($(1)_NAME): $(B)/obj/$(1:.c=.o) $$(call lib_files,$$($(1)_ALL))
	@mkdir -p $$(@D)
	$$(Q)$$(CC) $$(ALL_LDFLAGS) -pie -o $$@ $$^ $$(call pkg_libs,$$(call lib_pkgs,$$($(1)_ALL)) $$($(1)_PKGS) check) $$(foreach l,$$($(1)_ALL),$$($$(l)_LDLIBS))
TESTS_$(call test_lib,$(1)) += $(B)/test/$$($(1)_NAME)
TESTS += $(B)/test/$$($(1)_NAME)
OBJS += $(B)/obj/$(1:.c=.o)
endef

# A fuzz target tests/fuzz/x_fuzz.c links the control plane, or what its first word says, and libFuzzer, or what replays inputs.
FUZZ_SRCS := $(sort $(wildcard tests/fuzz/*_fuzz.c))
fuzz_libs_oci := runtime
fuzz_libs_dns := dns
fuzz_libs_cni := cnichain cni
define fuzz_rules
$(1)_ALL := $$(call lib_closure,$(or $(fuzz_libs_$(firstword $(subst _, ,$(notdir $(1))))),cp))
$(B)/obj/$(1:.c=.o): LOCAL_CFLAGS = $$(call pkg_cflags,$$(call lib_pkgs,$$($(1)_ALL)))
$(B)/fuzz/$(notdir $(1:.c=)): $(B)/obj/$(1:.c=.o) $(if $(FUZZ),,$(B)/obj/tests/fuzz/replay.o) $$(call lib_files,$$($(1)_ALL))
	@mkdir -p $$(@D)
	$$(Q)$$(CC) $$(ALL_LDFLAGS) $(if $(FUZZ),-fsanitize=fuzzer) -pie -o $$@ $$^ $$(call pkg_libs,$$(call lib_pkgs,$$($(1)_ALL))) $$(foreach l,$$($(1)_ALL),$$($$(l)_LDLIBS))
FUZZERS += $(B)/fuzz/$(notdir $(1:.c=))
OBJS += $(B)/obj/$(1:.c=.o)
endef
OBJS += $(B)/obj/tests/fuzz/replay.o

Q := $(if $(V),,@)
$(foreach l,$(LIBS),$(eval $(call lib_rules,$(l))))
$(foreach p,$(PROGS),$(eval $(if $($(p)_RAW),$(call raw_rules,$(p)),$(call prog_rules,$(p)))))
$(foreach t,$(TEST_SRCS),$(eval $(call test_rules,$(t))))
$(foreach t,$(FUZZ_SRCS),$(eval $(call fuzz_rules,$(t))))

$(B)/obj/%.o: %.c Makefile VERSION
	@mkdir -p $(@D)
	@echo "  CC   $<"
	$(Q)$(CC) $(ALL_CFLAGS) $(LOCAL_CFLAGS) -MMD -MP -c -o $@ $<

# Text that is compiled in: x.tbl and x.json become objects with x_start/x_end symbols through an .incbin stub.
-include $(OBJS:.o=.d)

all: $(foreach l,$(LIBS),lib-$(l)) $(PROG_OUTS)
progs: $(PROG_OUTS)

define test_lib_rules
test-$(1): $$(TESTS_$(1))
	@build-aux/run-unit-tests $$(TESTS_$(1))
.PHONY: test-$(1)
endef
$(foreach l,$(LIBS),$(eval $(call test_lib_rules,$(l))))
build-tests: $(TESTS)
test: $(TESTS)
	@build-aux/run-unit-tests $(TESTS)

fuzz: $(FUZZERS)
test-fuzz: $(FUZZERS)
	@build-aux/run-fuzz-corpora $(FUZZERS)
.PHONY: fuzz test-fuzz

# clang-tidy, by .clang-tidy: a stamp for each source, as old as its object. All of it takes minutes: lint asks for what
# the last commit or the working tree has changed.
TIDY_ALL := $(patsubst $(B)/obj/%.o,$(B)/tidy/%.ok,$(filter-out $(B)/obj/tests/%,$(sort $(OBJS))))
TIDY_SINCE ?= HEAD~1
TIDY_CHANGED = $(filter $(patsubst %.c,$(B)/tidy/%.ok,$(shell git diff --name-only --diff-filter=d $(TIDY_SINCE) -- '*.c')),$(TIDY_ALL))
TIDY_FLAGS = -std=gnu17 -D_GNU_SOURCE -DKNARR_VERSION='"$(VERSION)"' -I. -I$(B)/gen $(call pkg_cflags,$(foreach l,$(LIBS),$($(l)_PKGS)))
$(B)/tidy/%.ok: %.c $(B)/obj/%.o .clang-tidy
	@mkdir -p $(@D)
	@echo "  TIDY $<"
	$(Q)clang-tidy --quiet $< -- $(TIDY_FLAGS) 2>$@.log || { cat $@.log; rm -f $@.log; exit 1; }
	@rm -f $@.log; touch $@
tidy: $(TIDY_ALL)
tidy-changed: $(TIDY_CHANGED)

lint: $(FUZZ_SRCS:%.c=$(B)/obj/%.o) # which nothing else compiles from day to day
	@build-aux/check-layers
	@build-aux/lint
	@build-aux/check-man
	@$(MAKE) --no-print-directory tidy-changed

bench: all
	@bench/oci
	@bench/cni
	@bench/api
	@bench/proxy
	@bench/dns
	@bench/policy
	@bench/run

install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/libexec/knarr $(DESTDIR)/opt/cni/bin
	@for p in $(B)/bin/*; do build-aux/install-program "$$p" "$(DESTDIR)$(PREFIX)/bin"; done
	@build-aux/install-program $(B)/cni/bridge "$(DESTDIR)/opt/cni/bin"
	@for n in $(CNI_NAMES); do ln -f "$(DESTDIR)/opt/cni/bin/bridge" "$(DESTDIR)/opt/cni/bin/$$n"; done
	@if [ -d docs/man ]; then install -d $(DESTDIR)$(PREFIX)/share/man/man1 $(DESTDIR)$(PREFIX)/share/man/man8; \
	  for m in docs/man/*.1; do [ -f "$$m" ] && install -m 644 "$$m" $(DESTDIR)$(PREFIX)/share/man/man1/; done; \
	  for m in docs/man/*.8; do [ -f "$$m" ] && install -m 644 "$$m" $(DESTDIR)$(PREFIX)/share/man/man8/; done; true; fi

clean:
	rm -rf build

.PHONY: all progs test build-tests lint tidy tidy-changed bench install clean
.DELETE_ON_ERROR:
