# One of three machines on a link: mounts its disk and waits for commands, which three.bats sends. They are mostly functions
# of this file; a command fails when any of its own does.
# shellcheck shell=sh
# shellcheck source=tests/vm/checks.sh
. /vm/checks.sh

export KUBECONFIG=/etc/kubernetes/admin.conf
k() { kubectl --request-timeout=20s "$@"; }

# begin NUMBER: the machine's name and address, and what an earlier life has left on its disk.
begin() {
	hostname "node$1"
	mount -t ext4 /dev/vdb /mnt
	for d in /var/lib/knarr /var/lib/kubelet /etc/kubernetes /etc/cni /var/lib/cni /var/log; do
		mkdir -p $d "/mnt$d"
		mount --bind "/mnt$d" $d
	done
	mkdir -p /run/netns /etc/cni/net.d
	ip addr add "192.168.78.1$1/24" dev eth0
	ip link set eth0 up
	ip route add default via 192.168.78.1
}
up() { knarr up --no-systemd --node-name="$(hostname)" --timeout=60; }
image() { knarr image ls | grep -q knarr-demo || knarr image import /vm/demo.tar; }

ready() { same "$(k get nodes -o 'jsonpath={range .items[*]}{.metadata.name}={.status.conditions[?(@.type=="Ready")].status} {end}')" "$1"; }
all_ready() { eventually 60 ready "node1=True node2=True node3=True "; }
ranges() {
	same "$(k get nodes -o 'jsonpath={.items[*].spec.podCIDR}' | tr ' ' '\n' | sort -u | wc -l)" 3
}

echo "listening $(cut -d' ' -f1 /proc/uptime)" >/dev/console
while read -r id command; do
	(set -e; eval "$command") >/tmp/output 2>&1 </dev/null
	status=$?
	cat /tmp/output
	echo "vm-done $id $status"
done </dev/ttyS1
