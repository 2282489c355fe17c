LIBS += runtime
runtime_SRCS := $(wildcard runtime/*.c)
runtime_USES := cgroups base

# The reference that the generator of filters is compared with.
tests/unit/runtime/seccomp_bpf_test.c_PKGS := libseccomp

# The default seccomp profile, compiled by its own generator.
SECCOMP_GEN := $(addprefix $(B)/obj/runtime/seccomp_,default.o profile.o bpf.o emit.o calls.o)
$(B)/gen/seccomp-default: build-aux/seccomp-default.c $(SECCOMP_GEN) $(B)/lib/libbase.a
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(call pkg_cflags,$(base_PKGS)) $(ALL_LDFLAGS) -pie -o $@ $^ $(call pkg_libs,$(base_PKGS))
$(B)/gen/seccomp_default_programs.inc: $(B)/gen/seccomp-default
	$(Q)$< >$@
$(B)/obj/runtime/seccomp_default_programs.o: $(B)/gen/seccomp_default_programs.inc

PROGS += knarr-oci pause
knarr-oci_SRCS := cmd/knarr-oci.c $(wildcard cmd/oci/*.c)
knarr-oci_LIBS := runtime
knarr-oci_STATIC := 1
# Relative relocations are few bytes to read. The kernel maps sixteen pages around one that is read, so cold code is linked
# last, and the program begins where sixteen pages begin: else its peak of memory would differ by 250 KiB from run to run.
knarr-oci_LDFLAGS = $(if $(SAN),,$(if $(filter x86_64%,$(shell $(CC) -dumpmachine)),-e self_protect_entry)) $(if $(SAN),,-Wl$(comma)-z$(comma)pack-relative-relocs -Wl$(comma)-z$(comma)max-page-size=65536 -Wl$(comma)-T$(comma)build-aux/cold-last.ld)
pause_SRCS := cmd/pause.c
pause_RAW := 1
