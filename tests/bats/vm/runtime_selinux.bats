#!/usr/bin/env bats
# knarr-oci on a kernel with SELinux, in a machine of its own (QEMU, software emulation, cgroup v2).
# bats file_tags=vm

OCI=$BATS_TEST_DIRNAME/../oci/process_selinux.bats

@test "labels of processes and mounts" {
	TIMEOUT=1000 run "$BATS_TEST_DIRNAME/../../vm/oci" "$OCI"
	echo "$output"
	[ "$status" -eq 0 ]
	case $output in *"ok 1 the OCI runtime on pure cgroup v2 # skip"*) skip "${output##*# skip }" ;; esac
	[ "$(grep -c '^ok ' <<<"$output")" -eq "$(grep -c '^@test ' "$OCI")" ]
	[[ "$output" != *"# skip"* ]]
}
