#!/bin/busybox sh
# The first program of a machine that runs containers from its initramfs, whose root pivot_root(2) cannot replace.
# shellcheck shell=dash
export PATH=/bin
/bin/busybox --install -s /bin
mkdir -p /proc /sys /tmp /run /dev
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t cgroup2 none /sys/fs/cgroup
mount -t devtmpfs dev /dev
mkdir -p /bundle/rootfs/bin
cp /bin/busybox /bundle/rootfs/bin/
for a in sh echo ls unshare mount; do ln -s busybox /bundle/rootfs/bin/$a; done
cd /bundle || exit
knarr-oci spec
sed -i -e 's/"terminal": true/"terminal": false/' -e 's/"sh"/"sh", "-c", ". \/script"/' config.json
cat >rootfs/script <<'S'
echo "in a container: $(echo /*)"
[ ! -e /bundle ] && [ ! -e /init ] && echo "nothing of the host"
unshare -r -p -f -m mount -t proc proc /proc 2>/dev/null || echo "no unmasked proc"
S
{
	knarr-oci run box
	echo "vm-exit: $?"
} >/dev/ttyS1 2>&1
reboot -f
