LIBS += runtime
runtime_SRCS := $(wildcard runtime/*.c)
runtime_USES := cgroups base

# The reference that the generator of filters is compared with.
tests/unit/runtime/seccomp_bpf_test.c_PKGS := libseccomp

PROGS += knarr-oci pause
knarr-oci_SRCS := cmd/knarr-oci.c $(wildcard cmd/oci/*.c)
knarr-oci_LIBS := runtime
knarr-oci_STATIC := 1
knarr-oci_LDFLAGS := $(if $(SAN),,$(if $(filter x86_64%,$(shell $(CC) -dumpmachine)),-e self_protect_entry))
pause_SRCS := cmd/pause.c
pause_RAW := 1
