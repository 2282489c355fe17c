#!/usr/bin/env bats
# Two machines whose first addresses are IPv6: VXLAN goes over IPv6 and carries both families; then they are neighbours.
# bats file_tags=cluster

load ../../lib/host

A=ov6-a
B=ov6-b
S=ov6-switch

k() { host $A kubectl --kubeconfig /etc/kubernetes/admin.conf "$@"; }
# fetch URL: from the network of the pod on node1
fetch() { host $A nsenter --net="/run/netns/$(host $A ls /run/netns | grep knarr- | head -n 1)" curl -gsf --max-time 10 "$1"; }
ways() { host "$1" sh -c 'ip -4 route show proto 107; ip -6 route show proto 107' | sed 's/ metric.*//; s/ *$//' | tr '\n' ';'; }
has_ways() { [ "$(ways "$1")" = "$2" ] || { ways "$1"; return 1; }; }

setup_file() {
	export HOST_BASE=$BATS_FILE_TMPDIR/hosts
	export FLAGS="--no-systemd --timeout=60 --overlay=vxlan --cluster-cidr=fd00:244::/48,10.244.0.0/16 --service-cluster-ip-range=fd00:96::/112,10.96.0.0/16 --cluster-dns=fd00:96::a"
	for h in $A $B; do host_create $h; done
	host_network $S $A=192.168.77.2 $B=192.168.77.3
	host_ipv6 $A fd77::2/64
	host_ipv6 $B fd77::3/64
	host $A "$BIN/knarr" init $FLAGS --cgroup-root=knarr-test-$A --node-name=node1 --node-ip=fd77::2,192.168.77.2 >"$BATS_FILE_TMPDIR/init"
	command=$(sed -n "s#^  knarr join#$BIN/knarr join#p" "$BATS_FILE_TMPDIR/init")
	host $B $command $FLAGS --cgroup-root=knarr-test-$B --node-name=node2 --node-ip=fd77::3,192.168.77.3
	"$REPO/examples/image/build" "$BATS_FILE_TMPDIR/demo.tar"
	n=1
	for h in $A $B; do
		host $h "$BIN/knarr" image import "$BATS_FILE_TMPDIR/demo.tar"
		k apply -f - <<-Y
			apiVersion: v1
			kind: Pod
			metadata: {name: pod$n}
			spec:
			  nodeName: node$n
			  terminationGracePeriodSeconds: 0
			  containers: [{name: c, image: knarr-demo:1, imagePullPolicy: Never, command: [httpd, -f, -p, "8080", -h, /www]}]
		Y
		n=$((n + 1))
	done
	k wait pod --all --for=condition=Ready --timeout=60s
}

teardown_file() {
	for h in $B $A; do
		host $h "$BIN/knarr" reset --cgroup-root=knarr-test-$h >/dev/null 2>&1 || true
		host_destroy $h
	done
	host_network_down $S
}

reach_each_other() {
	read -r six four <<<"$(k get pod pod2 -o 'jsonpath={.status.podIPs[*].ip}')"
	[[ $six == fd00:244:* && $four == 10.244.* ]]
	fetch "http://[$six]:8080/cgi-bin/index.cgi" | grep -q 'hello from pod2'
	fetch "http://$four:8080/cgi-bin/index.cgi" | grep -q 'hello from pod2'
}

@test "VXLAN over IPv6 carries pods' packets of both families" {
	[ "$(k get nodes -o 'jsonpath={.items[*].status.addresses[0].address}')" = "fd77::2 fd77::3" ]
	eventually 60 has_ways $A "10.244.1.0/24 via 10.244.1.0 dev knarr-vxlan onlink;fd00:244:0:1::/64 via fd00:244:0:1:: dev knarr-vxlan;"
	[[ $(host $A ip -d link show knarr-vxlan) == *"mtu 1430 "*"local fd77::2"*" udpcsum "* ]]
	[[ $(host $A bridge fdb show dev knarr-vxlan) == *"dst fd77::3"* ]]
	reach_each_other
}

@test "neighbours by IPv6 and IPv4, after the mode was changed" {
	for h in $A $B; do
		host $h "$BIN/knarr" down
		host $h "$BIN/knarr" up $FLAGS --overlay=auto --cgroup-root=knarr-test-$h --node-name="$([ $h = $A ] && echo node1 || echo node2)" \
			--node-ip="$([ $h = $A ] && echo fd77::2,192.168.77.2 || echo fd77::3,192.168.77.3)"
	done
	eventually 60 has_ways $A "10.244.1.0/24 via 192.168.77.3 dev eth0;fd00:244:0:1::/64 via fd77::3 dev eth0;"
	eventually 60 k wait pod --all --for=condition=Ready --timeout=60s
	eventually 60 reach_each_other
}

@test "the name server answers at its IPv6 address" {
	[ "$(host $A dig +short +time=5 +tries=2 @fd00:96::a kubernetes.default.svc.cluster.local AAAA)" = fd00:96::1 ]
}

# (wget of Debian's static busybox crashes with any name server of IPv6: its resolver is not looked at here.)
@test "a pod whose only name server is of IPv6 resolves by the C library's rules" {
	resolv=$BATS_TEST_TMPDIR/resolv.conf
	k exec pod1 -- cat /etc/resolv.conf >"$resolv"
	[ "$(grep -c ^nameserver "$resolv")" = 1 ]
	grep -q '^nameserver fd00:96::a$' "$resolv"
	run k exec pod1 -- nslookup kubernetes.default.svc.cluster.local
	[[ $output == *fd00:96::1* ]]
	netns=/run/netns/$(host $A ls /run/netns | grep knarr- | head -n 1)
	for name in kubernetes.default kubernetes.default.svc kubernetes.default.svc.cluster.local; do
		[[ $(host $A unshare --mount sh -c 'mount --bind "$1" /etc/resolv.conf; nsenter --net="$2" getent ahosts "$3"' sh "$resolv" "$netns" "$name") == "fd00:96::1 "* ]]
	done
	! host $A unshare --mount sh -c 'mount --bind "$1" /etc/resolv.conf; nsenter --net="$2" getent ahosts nobody.default' sh "$resolv" "$netns"
}
