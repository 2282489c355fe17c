#!/usr/bin/env bats
# The plugins under Debian's podman (network_backend "cni") and containerd (ctr run --cni), each in a network and a mount
# namespace of the test's own, where /opt/cni, /etc/cni, /var/lib/cni and /run/netns are its own, too.

load ../../lib/wait

setup() {
	[ "$(id -u)" -eq 0 ] || skip "needs root"
	for p in busybox nft; do command -v "$p" >/dev/null || skip "$p is not installed"; done
	ROOT=$(cd "$BATS_TEST_DIRNAME/../../.." && pwd)
	W=$(mktemp -d /tmp/knarr-test-callers.XXXXXX)
	CG=/knarr-test-callers-$$
	export W CG
	setsid unshare --net --mount --propagation private sh -c '
		for d in /opt /etc/cni /var/lib/cni /run/netns /run/containerd; do mkdir -p "$d"; mount -t tmpfs tmpfs "$d"; done
		mkdir -p /opt/cni/bin /etc/cni/net.d; cp "$1"/* /opt/cni/bin/; ip link set lo up; touch "$2/ready"; exec sleep infinity' \
		sh "$ROOT/build/cni" "$W" >/dev/null 2>&1 </dev/null 3>&- 4>&- &
	echo $! >"$W/holder"
	eventually 60 test -e "$W/ready"
	BUSYBOX=$(command -v busybox) "$ROOT/examples/image/build" "$W/image.tar"
}

teardown() {
	[ -n "${W:-}" ] || return 0
	[ ! -e "$W/containers.conf" ] || pod rm -f -t 0 -a >/dev/null 2>&1
	if [ -e "$W/sock.pid" ]; then
		c tasks kill -s KILL -a t1 >/dev/null 2>&1
		c tasks rm -f t1 >/dev/null 2>&1
		kill -9 "$(cat "$W/sock.pid")" 2>/dev/null
		ended "$(cat "$W/sock.pid")"
	fi
	local h
	for h in /sys/fs/cgroup/*; do # what podman makes in the place of controllers that the kernel has not
		if [ -d "$h$CG" ] && [ "$(stat -f -c %T "$h")" = tmpfs ]; then
			rm -rf --one-file-system "${h:?}$CG"
			rmdir "$h" 2>/dev/null || true
		fi
	done
	for h in /sys/fs/cgroup /sys/fs/cgroup/*; do
		[ -d "$h$CG" ] && find "$h$CG" -depth -type d -exec rmdir {} + 2>/dev/null
	done
	kill "$(cat "$W/holder")" 2>/dev/null
	grep -o " $W/[^ ]*" /proc/self/mountinfo | sort -r | while read -r m; do umount "$m"; done
	rm -rf --one-file-system "$W"
}

here() { nsenter --target "$(cat "$W/holder")" --net --mount -- "$@"; }
pod() {
	here timeout --foreground 120 env TMPDIR="$W/tmp" CONTAINERS_CONF="$W/containers.conf" podman --root "$W/root" --runroot "$W/run" \
		--tmpdir "$W/tmp" --storage-driver vfs "$@" 3>&- 4>&-
}
c() { here timeout --foreground 120 ctr --address "$W/sock" -n knarr "$@" 3>&- 4>&-; }

# says TEXT COMMAND...: the command prints it, by and by.
says() { eventually 60 prints "$@"; }
prints() { [ "$("${@:2}")" = "$1" ]; }

no_veth() { ! here ip -br link | grep -q veth; }

nothing_left() {
	eventually 60 no_veth
	here ip -br link
	here nft list ruleset
	! here nft list ruleset | grep -q comment
	[ -z "$(here find /var/lib/cni/networks -name '10.*' -o -name 'fd*')" ]
}

@test "podman: a network of its own, ports, names of interfaces, nothing left" {
	command -v podman >/dev/null || skip "podman is not installed"
	mkdir "$W/tmp"
	cat >"$W/containers.conf" <<-C
		[containers]
		default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
		[engine]
		cgroup_manager = "cgroupfs"
		events_logger = "none"
		runtime = "knarr-oci"
		[engine.runtimes]
		knarr-oci = ["$ROOT/build/bin/knarr-oci"]
		[network]
		network_backend = "cni"
		cni_plugin_dirs = ["/opt/cni/bin"]
		network_config_dir = "/etc/cni/net.d"
	C
	pod load -q -i "$W/image.tar"
	pod network create --subnet 10.93.0.0/24 knarrnet
	here cat /etc/cni/net.d/knarrnet.conflist
	local image=docker.io/library/knarr-demo:1 name
	for name in one two; do
		pod run -d --name "$name" --cgroup-parent "$CG" --network knarrnet $([ "$name" = two ] || echo -p 8080:80) "$image" \
			sh -c 'echo "I am '"$name"'" >/tmp/index.html; trap "exit 0" TERM; busybox httpd -f -p 80 -h /tmp & wait'
	done
	here ip -br addr
	says "I am one" here timeout 5 busybox wget -q -O - http://127.0.0.1:8080/
	says "I am one" pod exec two busybox wget -q -O - "http://$(pod inspect -f '{{.NetworkSettings.Networks.knarrnet.IPAddress}}' one)/"
	pod restart -t 1 one
	here nft list ruleset
	says "I am one" here timeout 5 busybox wget -q -O - http://127.0.0.1:8080/
	pod rm -f -t 1 one two
	nothing_left
}

@test "containerd: ctr run --cni gives an address, and takes it back" {
	for p in containerd ctr containerd-shim-runc-v2; do command -v "$p" >/dev/null || skip "$p is not installed"; done
	cat >"$W/config.toml" <<-T
		version = 2
		root = "$W/root"
		state = "$W/state"
		disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs",
		  "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.internal.v1.opt"]
		[grpc]
		  address = "$W/sock"
	T
	here sh -c 'cat >/etc/cni/net.d/10-knarr.conflist' <<-J
		{"cniVersion": "1.0.0", "name": "knarr", "plugins": [
		  {"type": "bridge", "bridge": "kctr0", "isDefaultGateway": true, "ipMasq": true,
		   "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.94.0.0/24"}], [{"subnet": "fd94::/64"}]]}},
		  {"type": "firewall"}, {"type": "tuning", "sysctl": {"net.core.somaxconn": "500"}}]}
	J
	nsenter --target "$(cat "$W/holder")" --net --mount -- setsid containerd -c "$W/config.toml" >"$W/log" 2>&1 </dev/null 3>&- 4>&- &
	echo $! >"$W/sock.pid"
	eventually 60 c version
	c images import "$W/image.tar"
	mkdir "$W/fifo"
	run c run --rm --cni --runc-binary "$(command -v runc)" --cgroup "$CG/t1" --fifo-dir "$W/fifo" docker.io/library/knarr-demo:1 t1 \
		sh -c 'ip addr show eth0; busybox ping -c 1 -W 20 10.94.0.1 && cat /proc/sys/net/core/somaxconn'
	echo "$output"
	[ "$status" -eq 0 ]
	[[ "$output" == *"inet 10.94.0.2/24"* && "$output" == *"inet6 fd94::2/64"* && "$output" == *500* ]]
	nothing_left
}
