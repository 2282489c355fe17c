#!/usr/bin/env bats
# Three machines: two on one link, the third behind a router. Pods reach each other, by their own addresses, whichever way.
# bats file_tags=cluster

load ../../lib/host

A=ovl-a
B=ovl-b
C=ovl-c
S=ovl-switch

k() { host $A kubectl --kubeconfig /etc/kubernetes/admin.conf "$@"; }
ip_of() { k get pod "$1" -o 'jsonpath={.status.podIP}'; }
# in_pod POD CMD...: in the pod's network
in_pod() {
	local h
	case $1 in pod1) h=$A ;; pod2) h=$B ;; *) h=$C ;; esac
	host $h nsenter --net="/run/netns/$(host $h ls /run/netns | grep knarr- | head -n 1)" "${@:2}"
}
fetch() { in_pod "$1" curl -sf --max-time 30 "$2"; } # POD URL
ways() { host "$1" ip route show proto 107 | sed 's/ *$//' | sort | tr '\n' ';'; }
has_ways() { [ "$(ways "$1")" = "$2" ]; }

link_index() { host $A ip -o link show knarr-vxlan | cut -d : -f 1; }

setup_file() {
	export HOST_BASE=$BATS_FILE_TMPDIR/hosts
	for h in $A $B $C; do host_create $h; done
	host_network $S $A=192.168.77.2 $B=192.168.77.3
	# C's link is another one, with a router between.
	host $C ip link del eth0
	host_switch $S ip link add to-c type veth peer name eth0 netns "$(cat "$HOST_BASE/$C/pid")"
	host_switch $S ip addr add 192.168.78.1/24 dev to-c
	host_switch $S ip addr add 192.168.77.1/24 dev br0
	host_switch $S ip link set to-c up
	host_switch $S sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
	host $C ip addr add 192.168.78.4/24 dev eth0
	host $C ip link set eth0 up
	host $C ip route add default via 192.168.78.1
	host $A "$BIN/knarr" init --no-systemd --cgroup-root=knarr-test-$A --node-name=node1 --timeout=60 >"$BATS_FILE_TMPDIR/init"
	command=$(sed -n "s#^  knarr join#$BIN/knarr join#p" "$BATS_FILE_TMPDIR/init")
	host $B $command --no-systemd --cgroup-root=knarr-test-$B --node-name=node2 --timeout=60
	host $C $command --no-systemd --cgroup-root=knarr-test-$C --node-name=node3 --timeout=60
	"$REPO/examples/image/build" "$BATS_FILE_TMPDIR/demo.tar"
	image=$(sed -n 's/^ *image: *//p' "$REPO/examples/hello.yaml" | head -n 1)
	k wait node --all --for=condition=Ready --timeout=60s
	n=1
	for h in $A $B $C; do
		host $h "$BIN/knarr" image import "$BATS_FILE_TMPDIR/demo.tar"
		k apply -f - <<-Y
			apiVersion: v1
			kind: Pod
			metadata: {name: pod$n, labels: {app: web, on: node$n}}
			spec:
			  nodeName: node$n
			  terminationGracePeriodSeconds: 0
			  containers:
			  - name: web
			    image: $image
			    imagePullPolicy: Never
			    command: [sh, -c, "mkdir /tmp/w; echo node$n >/tmp/w/index.html; head -c 3000000 /dev/zero >/tmp/w/big; exec httpd -f -p 8080 -h /tmp/w"]
		Y
		n=$((n + 1))
	done
	k wait pod --all --for=condition=Ready --timeout=60s
}

teardown_file() {
	for h in $C $B $A; do
		host $h "$BIN/knarr" reset --cgroup-root=knarr-test-$h >/dev/null 2>&1 || true
		host_destroy $h
	done
	host_network_down $S
}

@test "neighbours by their addresses, the others by VXLAN" {
	eventually 60 has_ways $A "10.244.1.0/24 via 192.168.77.3 dev eth0;10.244.2.0/24 via 10.244.2.0 dev knarr-vxlan onlink;"
	eventually 60 has_ways $B "10.244.0.0/24 via 192.168.77.2 dev eth0;10.244.2.0/24 via 10.244.2.0 dev knarr-vxlan onlink;"
	eventually 60 has_ways $C "10.244.0.0/24 via 10.244.0.0 dev knarr-vxlan onlink;10.244.1.0/24 via 10.244.1.0 dev knarr-vxlan onlink;"
	[[ $(host $C bridge fdb show dev knarr-vxlan) == *"0a:58:0a:f4:00:00 dst 192.168.77.2"* ]]
	[[ $(host $A ip link show knarr-vxlan) == *"mtu 1450"* ]]
}

@test "pods reach each other across nodes, by their own addresses" {
	for to in 1 2 3; do
		for from in 1 2 3; do
			[ "$(fetch "pod$from" "http://$(ip_of "pod$to"):8080/")" = "node$to" ]
		done
	done
	host $C conntrack -F 2>/dev/null
	fetch pod1 "http://$(ip_of pod3):8080/"
	[[ $(host $C conntrack -L -p tcp 2>/dev/null) == *"src=$(ip_of pod1) dst=$(ip_of pod3) "*"src=$(ip_of pod3) dst=$(ip_of pod1) "* ]]
}

@test "nodes reach pods of other nodes; much goes through either way" {
	for h in $A $B $C; do
		for n in 1 2 3; do
			[ "$(host $h curl -sf --max-time 30 "http://$(ip_of pod$n):8080/")" = "node$n" ]
			[ "$(host $h curl -sf --max-time 60 "http://$(ip_of pod$n):8080/big" | wc -c)" = 3000000 ]
		done
	done
	[ "$(fetch pod1 "http://$(ip_of pod3):8080/big" | wc -c)" = 3000000 ]
}

@test "services lead to every node's pods" {
	k apply -f - <<-Y
		apiVersion: v1
		kind: Service
		metadata: {name: web}
		spec: {type: NodePort, selector: {app: web}, ports: [{port: 80, targetPort: 8080, nodePort: 30080}]}
	Y
	all() {
		local seen="" _
		for _ in $(seq 40); do seen+=" $("$@")"; done
		[[ $seen == *node1* && $seen == *node2* && $seen == *node3* ]]
	}
	ip=$(k get service web -o 'jsonpath={.spec.clusterIP}')
	eventually 60 host $C curl -sf --max-time 5 "http://$ip/"
	eventually 60 host_switch $S curl -sf --max-time 5 http://192.168.77.3:30080/
	eventually 60 fetch pod2 "http://$ip/"
	all host $C curl -sf --max-time 20 "http://$ip/"
	all host_switch $S curl -sf --max-time 20 http://192.168.77.3:30080/
	all fetch pod2 "http://$ip/"
}

@test "what somebody else breaks is repaired" {
	host $A ip route del 10.244.1.0/24
	host $A ip link del knarr-vxlan
	eventually 60 has_ways $A "10.244.1.0/24 via 192.168.77.3 dev eth0;10.244.2.0/24 via 10.244.2.0 dev knarr-vxlan onlink;"
	across() { [ "$(fetch pod1 "http://$(ip_of pod3):8080/")" = node3 ]; }
	eventually 60 across
	host $A ip neigh del 10.244.2.0 dev knarr-vxlan
	mended() { host $A ip neigh show dev knarr-vxlan | grep -q '10.244.2.0 lladdr 0a:58:0a:f4:02:00 PERMANENT'; }
	eventually 60 mended
}

@test "the link follows the MTU of the one below, and stays the same link" {
	index=$(link_index)
	mtu() { host $A ip link show knarr-vxlan | grep -q " mtu $1 "; }
	host $A ip link set eth0 mtu 1400
	eventually 60 mtu 1350
	host $A ip link set eth0 mtu 1500
	eventually 60 mtu 1450
	[ "$(link_index)" = "$index" ]
}

# The pods' own links are wider than this node's way to others, so that its router has to tell them.
@test "what is larger than the way gets through, to pods and through services" {
	in_pod pod3 python3 "$BATS_TEST_DIRNAME/big.py" sink 9000 >"$BATS_TEST_TMPDIR/sink" 3>&- 4>&- &
	sink=$!
	eventually 60 grep -q up "$BATS_TEST_TMPDIR/sink"
	k apply -f - <<-Y
		apiVersion: v1
		kind: Service
		metadata: {name: big}
		spec: {selector: {on: node3}, ports: [{name: t, port: 90, targetPort: 9000}, {name: u, port: 90, targetPort: 9000, protocol: UDP}]}
	Y
	ip=$(k get service big -o 'jsonpath={.spec.clusterIP}')
	big() { in_pod pod1 python3 "$BATS_TEST_DIRNAME/big.py" "$@"; } # PROTOCOL ADDRESS PORT BYTES
	through() { [ "$(big tcp "$ip" 90 10)" = 10 ]; }
	eventually 60 through
	narrow() { host $A ip link show knarr-vxlan | grep -q " mtu $1 "; }
	for mtu in 1450 1350; do
		host $A ip link set eth0 mtu $((mtu + 50))
		eventually 60 narrow $mtu
		for size in 1400 8000; do
			[ "$(big udp "$(ip_of pod3)" 9000 $size)" = $size ]
			[ "$(big udp "$ip" 90 $size)" = $size ]
		done
		[ "$(big tcp "$(ip_of pod3)" 9000 3000000)" = 3000000 ]
		[ "$(big tcp "$ip" 90 3000000)" = 3000000 ]
	done
	# It was told of the service's address, which is the one that it knows.
	[[ $(in_pod pod1 ip route get "$ip") == *"mtu 1350"* ]]
	host $A ip link set eth0 mtu 1500
	eventually 60 narrow 1450
	kill $sink
	k delete service big
}

@test "an agent that is killed comes back without a packet lost" {
	index=$(link_index)
	to=$(ip_of pod3)
	pid=$(host $A cat /run/knarr/agent.pid)
	host $A sh -c 'exec ip monitor route neigh link >/tmp/monitor 2>&1 & echo $! >/tmp/monitor.pid'
	nsenter --target "$(cat "$HOST_BASE/$A/pid")" --net --mount -- nsenter --net="/run/netns/$(host $A ls /run/netns | grep knarr- | head -n 1)" \
		busybox ping -i 0.1 -c 60 -W 10 "$to" >"$BATS_TEST_TMPDIR/ping" 2>&1 3>&- 4>&- &
	ping=$!
	host $A kill -9 "$pid"
	back() { [ "$(host $A cat /run/knarr/agent.pid)" != "$pid" ] && host $A curl -fsS http://127.0.0.1:10248/healthz; }
	eventually 60 back
	host $A ip route del 10.244.1.0/24 # it looks after them again
	eventually 60 has_ways $A "10.244.1.0/24 via 192.168.77.3 dev eth0;10.244.2.0/24 via 10.244.2.0 dev knarr-vxlan onlink;"
	wait $ping
	host $A sh -c 'kill $(cat /tmp/monitor.pid)'
	grep -q ", 0% packet loss" "$BATS_TEST_TMPDIR/ping" || { cat "$BATS_TEST_TMPDIR/ping"; return 1; }
	[ "$(link_index)" = "$index" ]
	[ "$(host $A grep -c '10.244.2.0.*knarr-vxlan' /tmp/monitor)" = 0 ] || { host $A cat /tmp/monitor; return 1; }
}

@test "a node that moves to another address is found there" {
	host $C ip addr add 192.168.78.5/24 dev eth0
	k patch node node3 --subresource=status --type=json -p '[{"op":"replace","path":"/status/addresses","value":[{"type":"InternalIP","address":"192.168.78.5"}]}]'
	there() { host $A bridge fdb show dev knarr-vxlan | grep -q "dst 192.168.78.5"; }
	eventually 60 there
}

@test "a node that leaves takes its ways along, and leaves nothing" {
	host $B "$BIN/knarr" reset --cgroup-root=knarr-test-$B
	k delete node node2
	eventually 60 has_ways $A "10.244.2.0/24 via 10.244.2.0 dev knarr-vxlan onlink;"
	[ -z "$(ways $B)" ]
	! host $B ip link show knarr-vxlan 2>/dev/null
}
