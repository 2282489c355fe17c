# A "host" for tests: network and mount namespaces of its own in which Knarr runs at its conventional paths and touches
# nothing of the machine but a cgroup of the host's name. Needs root.
#
#   host_create NAME      makes it under $BATS_TMP or /tmp;  host_destroy NAME   ends everything in it
#   host NAME CMD...      runs a command in it

. "$(dirname "${BASH_SOURCE[0]}")/wait.bash"

HOST_BASE=${HOST_BASE:-/tmp/knarr-hosts}
REPO=${REPO:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}
BIN=${BIN:-$REPO/build/bin}

host() {
	local name=$1
	shift
	nsenter --target "$(cat "$HOST_BASE/$name/pid")" --net --mount -- "$@"
}

host_create() {
	local name=$1 dir=$HOST_BASE/$1 d
	host_destroy "$name"
	mkdir -p "$dir"/{etc,etc-work,opt,opt-work,var,var-work,local,local-work,knarr,kubelet}
	# It is there when its mounts have become its own, which is later than its namespaces.
	setsid unshare --net --mount --propagation private sh -c '>"$1/there"; exec sleep infinity' sh "$dir" </dev/null >/dev/null 2>&1 3>&- &
	echo $! >"$dir/pid"
	eventually 60 test -e "$dir/there"
	host "$name" sh -eu -c '
		dir=$1
		# What the machine has mounted there is not of this host.
		cut -d" " -f2 /proc/mounts | grep -E "^/(run|var/lib/knarr|var/lib/kubelet)/" | sort -r |
			xargs -r -n 1 umount -l 2>/dev/null || true # some have gone by themselves
		for d in etc opt var; do
			mount -t overlay overlay -o "lowerdir=/$d,upperdir=$dir/$d,workdir=$dir/$d-work" "/$d"
		done
		mount -t overlay overlay -o "lowerdir=/usr/local,upperdir=$dir/local,workdir=$dir/local-work" /usr/local
		mkdir -p /var/lib/knarr /var/lib/kubelet /etc/cni/net.d /opt/cni/bin
		mount --bind "$dir/knarr" /var/lib/knarr
		mount --bind "$dir/kubelet" /var/lib/kubelet
		# Namespaces that the machine has named are none of this host.
		cut -d" " -f2 /proc/mounts | grep "^/run/netns" | sort -r | xargs -r umount -l
		mount -t tmpfs tmpfs /run
		mkdir -p /run/netns /run/lock
		rm -rf /var/lib/cni /etc/kubernetes
		ip link set lo up
		ip link add eth0 type veth peer name eth0-peer
		ip addr add 192.168.77.2/24 dev eth0
		ip link set eth0 up
		ip link set eth0-peer up
		ip route add default via 192.168.77.1
		cp "$2"/../cni/* /opt/cni/bin/
	' sh "$dir" "$BIN"
}

# Every process that lives in the host's mount namespace; none when that is not a namespace of its own.
host_pids() {
	local ns
	ns=$(readlink "/proc/$(cat "$HOST_BASE/$1/pid")/ns/mnt") || return 0
	[ "$ns" != "$(readlink /proc/self/ns/mnt)" ] || return 0
	ns=${ns//[^0-9]/}
	find /proc/[0-9]*/ns/mnt -maxdepth 0 -lname "mnt:?$ns?" 2>/dev/null | cut -d/ -f3
	return 0
}

# Ends what still runs in a host, but the process that holds it; fails if there was any.
host_emptied() {
	local holder pid left=0
	holder=$(cat "$HOST_BASE/$1/pid")
	for pid in $(host_pids "$1"); do
		[ "$pid" != "$holder" ] || continue
		kill -9 "$pid" 2>/dev/null || true
		left=1
	done
	return $left
}

host_destroy() {
	local dir=$HOST_BASE/$1 pid
	[ -f "$dir/pid" ] || { rm -rf "$dir"; return 0; }
	eventually 60 host_emptied "$1" || true
	cgroup_remove "knarr-test-$1"
	pid=$(cat "$dir/pid")
	kill -9 "$pid" 2>/dev/null || true
	ended "$pid" || true
	rm -rf "$dir"
}

# Ends what lives in a test's cgroup and removes it from every hierarchy.
cgroup_remove() {
	local root d p
	for root in /sys/fs/cgroup /sys/fs/cgroup/*; do
		[ -d "$root/$1" ] || continue
		for _ in $(seq 400); do
			find "$root/$1" -name cgroup.procs -exec cat {} + 2>/dev/null | while read -r p; do kill -9 "$p" 2>/dev/null; done
			find "$root/$1" -depth -type d -exec rmdir {} \; 2>/dev/null
			[ -d "$root/$1" ] || break
			sleep 0.05
		done
	done
	return 0
}

# host_network SWITCH NAME=ADDRESS...: a link that hosts share, in place of their lone eth0: each gets its address (of
# 192.168.77.0/24) on it. SWITCH is a network namespace with the bridge, ended by host_network_down.
host_network() {
	local switch=$1 pair name peer
	shift
	setsid unshare --net sleep infinity </dev/null >/dev/null 2>&1 3>&- &
	echo $! >"$HOST_BASE/$switch.pid"
	eventually 60 own_network "$(cat "$HOST_BASE/$switch.pid")"
	host_switch "$switch" ip link add br0 type bridge
	host_switch "$switch" ip link set br0 up
	for pair in "$@"; do
		name=${pair%%=*}
		peer=$(cat "$HOST_BASE/$name/pid")
		host "$name" ip link del eth0 2>/dev/null || true
		host_switch "$switch" ip link add "to-$name" master br0 type veth peer name eth0 netns "$peer"
		host_switch "$switch" ip link set "to-$name" up
		host "$name" ip addr add "${pair#*=}/24" dev eth0
		host "$name" ip link set eth0 up
		host "$name" ip route add default via 192.168.77.1
	done
}

# A command in the switch's network namespace.
host_switch() {
	local switch=$1
	shift
	nsenter --target "$(cat "$HOST_BASE/$switch.pid")" --net -- "$@"
}

host_network_down() {
	[ -f "$HOST_BASE/$1.pid" ] || return 0
	kill -9 "$(cat "$HOST_BASE/$1.pid")" 2>/dev/null || true
	rm -f "$HOST_BASE/$1.pid"
}

# host_ipv6 NAME ADDRESS: the host gets an IPv6 address (with its prefix length) on its eth0, ready at once.
host_ipv6() {
	host "$1" sh -c 'echo 0 >/proc/sys/net/ipv6/conf/all/disable_ipv6; echo 0 >/proc/sys/net/ipv6/conf/eth0/disable_ipv6'
	host "$1" ip -6 addr add "$2" dev eth0 nodad
}
