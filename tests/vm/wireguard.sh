# Ways between two nodes by WireGuard: two network namespaces of one machine, each with a node in it.
# shellcheck shell=sh
# shellcheck source=tests/vm/checks.sh
. /vm/checks.sh

ip=/vm/bin/ip
mkdir -p /run/netns /etc/cni/net.d /etc/cni/two
unshare -n sleep 100000 &
one=$!
unshare -n sleep 100000 &
two=$!
apart() { [ "$(readlink "/proc/$1/ns/net")" != "$(readlink /proc/self/ns/net)" ]; }
eventually 60 apart $one
eventually 60 apart $two
on1() { nsenter --net="/proc/$one/ns/net" "$@"; }
on2() { nsenter --net="/proc/$two/ns/net" "$@"; }
k() { on1 kubectl --kubeconfig /etc/kubernetes/admin.conf --request-timeout=120s "$@"; }
$ip link add e1 netns $one type veth peer name e2 netns $two
on1 $ip addr add 192.168.79.1/24 dev e1
on2 $ip addr add 192.168.79.2/24 dev e2
on1 $ip link set lo up
on2 $ip link set lo up
on1 $ip link set e1 up
on2 $ip link set e2 up
on1 $ip route add default via 192.168.79.2
on2 $ip route add default via 192.168.79.1

joined() {
	on1 knarr init --no-systemd --node-name=one --node-ip=192.168.79.1 --overlay=wireguard --timeout=200 >/tmp/init </dev/null
	command=$(sed -n 's/^  knarr join/knarr join/p' /tmp/init)
	# shellcheck disable=SC2086 # the command is meant to be split
	on2 $command --no-systemd --node-name=two --node-ip=192.168.79.2 --config-dir=/etc/two --data-dir=/var/lib/two --run-dir=/run/two \
		--log-dir=/var/log/two --root-dir=/var/lib/kubelet2 --cgroup-root=two --cni-conf-dir=/etc/cni/two --timeout=200 </dev/null
}
keys() {
	published() { [ "$(k get nodes -o yaml | grep -c 'knarr.io/wireguard-public-key: .\{44\}$')" -eq 2 ]; }
	eventually 200 published
	same "$(stat -c %a /var/lib/knarr/wireguard.key)" 600
}
routed() {
	routes() { on1 $ip route show proto 107 | grep -q '10.244.1.0/24 dev knarr-wg' && on2 $ip route show proto 107 | grep -q '10.244.0.0/24 dev knarr-wg'; }
	eventually 200 routes
	has "$(on1 $ip link show knarr-wg)" "mtu 1420"
}
encrypted() {
	eventually 200 on1 ping -c1 -W2 10.244.1.0
	on2 ping -c1 -W20 10.244.0.0
	before=$(on1 cat /proc/net/dev | sed -n 's/^ *e1: *\([0-9]*\).*/\1/p')
	on1 ping -c3 -s 1300 -W2 10.244.1.0
	after=$(on1 cat /proc/net/dev | sed -n 's/^ *e1: *\([0-9]*\).*/\1/p')
	[ $((after - before)) -gt 3900 ] # through the one link there is, and larger than in the clear
	has "$(on1 $ip route get 10.244.1.0)" "dev knarr-wg"
}
stranger() {
	k annotate --overwrite node two knarr.io/wireguard-public-key=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
	published() { fails sh -c 'nsenter --net=/proc/'$one'/ns/net kubectl --kubeconfig /etc/kubernetes/admin.conf get node two -o yaml | grep -q AAAAAAAAAAAAAAA'; }
	eventually 200 published # the node says its own again
	eventually 200 on1 ping -c1 -W2 10.244.1.0
}
gone() {
	on2 knarr reset --config-dir=/etc/two --data-dir=/var/lib/two --run-dir=/run/two --log-dir=/var/log/two --root-dir=/var/lib/kubelet2 \
		--cgroup-root=two --cni-conf-dir=/etc/cni/two
	fails on2 $ip link show knarr-wg
	k delete node two
	routeless() { ! on1 $ip route show proto 107 | grep -q knarr-wg; }
	eventually 200 routeless
	on1 knarr down
}
check "init and join" joined
check "keys in the nodes' annotations, the private one in a file" keys
check "routes by the WireGuard link" routed
check "packets between nodes" encrypted
check "a key that somebody else wrote is replaced" stranger
check "reset" gone
finish
