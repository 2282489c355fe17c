#!/usr/bin/env bats
# A container in an initramfs, in a machine of its own (QEMU, software emulation, cgroup v2).
# bats file_tags=vm

bats_require_minimum_version 1.5.0
VM=$BATS_TEST_DIRNAME/../../vm

@test "a container in an initramfs" {
	command -v qemu-system-x86_64 >/dev/null || skip "qemu-system-x86_64 is not installed"
	command -v busybox >/dev/null || skip "busybox is not installed"
	local image=$BATS_TEST_TMPDIR/image root=$BATS_TEST_TMPDIR/root oci=$VM/../../build/bin/knarr-oci
	[ -x "$oci" ] || skip "knarr-oci is not built"
	run --separate-stderr "$VM/kernel" "$(realpath "$VM/../..")/build/vm"
	[ "$status" -eq 0 ] || skip "$stderr"
	mkdir -p "$image" "$root/bin"
	ln -s "$(cut -d' ' -f2 <<<"$output")" "$image/kernel"
	cp "$(command -v busybox)" "$oci" "$root/bin/"
	install -m 755 "$VM/initramfs.sh" "$root/init"
	(cd "$root" && find . | busybox cpio -o -H newc >"$image/initrd")
	truncate -s 1M "$image/root.img"
	run "$VM/boot" -t 1000 "$image" /dev/null
	echo "$output"
	[ "$status" -eq 0 ]
	[[ "$output" == *"in a container: /bin /dev /proc /script /sys"*"nothing of the host"*"no unmasked proc"* ]]
}
