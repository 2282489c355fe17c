# The bats files of the OCI runtime on a machine with nothing but cgroup v2.
# shellcheck shell=sh
export KNARR_OCI=/usr/local/bin/knarr-oci PATH="/usr/local/bin:$PATH" TERM=dumb
umount /tmp # the disk's: file systems in memory have no id mappings on this kernel
mount -t securityfs security /sys/kernel/security
ln -sf /proc/self/fd /dev/fd
ln -sf /usr/local/bin/bash /bin/bash
ln -sf /usr/local/bin/bash /bin/sh # that of busybox takes its own tar, and others, for programs
ln -sf /usr/local/bin/env /usr/bin/env
bats --tap --print-output-on-failure /repo/tests/bats/oci/*.bats
