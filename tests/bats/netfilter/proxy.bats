#!/usr/bin/env bats
# The service proxy in network namespaces: a "node" with a bridge, three pods on it, and an outside machine.

load ../../lib/host
load common

setup_file() {
	[ "$(id -u)" -eq 0 ] || skip "needs root"
	make -s -C "$BATS_TEST_DIRNAME/../../.." bridge host-local ${PROXY_DRIVE:+-q} $([ -n "$PROXY_DRIVE" ] || echo proxy-drive) 2>/dev/null || true
}

setup() {
	[ "$(id -u)" -eq 0 ] || skip "needs root"
	ROOT=$(cd "$BATS_TEST_DIRNAME/../../.." && pwd)
	DRIVE=${PROXY_DRIVE:-$ROOT/build/test/proxy-drive}
	[ -x "$DRIVE" ] || skip "proxy-drive is not built"
	T=knarr-test-px-$$
	DIR=$(mktemp -d /tmp/knarr-test-px.XXXXXX)
	PIDS=
	for n in node a b c out; do ip netns add "$T-$n"; in_ns $n ip link set lo up; done
	in_ns node ip link add up0 type veth peer name eth0 netns "$T-out"
	in_ns node ip addr add 192.168.77.1/24 dev up0
	in_ns node ip link set up0 up
	in_ns out ip addr add 192.168.77.2/24 dev eth0
	in_ns out ip link set eth0 up
	in_ns node ip route add default via 192.168.77.2
	write_server
	for p in a b c; do
		printf '{"cniVersion":"1.1.0","name":"px","type":"bridge","bridge":"kbr0","isDefaultGateway":true,"hairpinMode":true,
		  "ipam":{"type":"host-local","dataDir":"%s","ranges":[[{"subnet":"10.244.0.0/24"}]]}}' "$DIR" |
			in_ns node env CNI_COMMAND=ADD CNI_CONTAINERID=$p CNI_NETNS=/run/netns/$T-$p CNI_IFNAME=eth0 \
				CNI_PATH="$ROOT/build/cni" "$ROOT/build/cni/bridge" >/dev/null
		serve $p
	done
	mkfifo "$DIR/in" "$DIR/out"
	start_drive
}

teardown() {
	exec 7>&- 8<&- || true
	for p in $PIDS $DRIVE_PID; do kill "$p" 2>/dev/null || true; done
	for n in node a b c out; do ip netns del "$T-$n" 2>/dev/null || true; done
	rm -rf "$DIR"
}

serve() {
	nsenter --net=/run/netns/$T-$1 python3 "$DIR/serve.py" "$1" 3>&- &
	PIDS="$PIDS $!"
}

start_drive() {
	nsenter --net=/run/netns/$T-node "$DRIVE" --cidr 10.244.0.0/16 --service-cidr 10.96.0.0/16 --node-ip 192.168.77.1 --masquerade \
		<"$DIR/in" >"$DIR/out" 3>&- &
	DRIVE_PID=$!
	exec 7>"$DIR/in" 8<"$DIR/out"
}

stop_drive() {
	exec 7>&- 8<&-
	wait "$DRIVE_PID"
}

service() { # NAME IP MORE
	say service '{"metadata":{"namespace":"d","name":"'"$1"'"},"spec":{"clusterIP":"'"$2"'","ports":[{"name":"t","port":80,"nodePort":30080},{"name":"u","port":80,"nodePort":30080,"protocol":"UDP"}]'"$3"'}}'
}
slice() { # NAME ADDRESS...
	local name=$1 eps='' a
	shift
	for a; do eps="$eps${eps:+,}{\"addresses\":[\"$a\"],\"nodeName\":\"node\"}"; done
	say slice '{"metadata":{"namespace":"d","name":"'"$name"'-1","labels":{"kubernetes.io/service-name":"'"$name"'"}},"addressType":"IPv4","endpoints":['"$eps"'],"ports":[{"name":"t","port":8080},{"name":"u","port":8080,"protocol":"UDP"}]}'
}
answers() { [ "$(ask "$1" "$2" 8080)" = "$3" ]; } # NS IP TEXT
ready() { for p in a b c; do eventually 60 answers $p 127.0.0.1 "$p 127.0.0.1"; done; }

@test "cluster IP from a pod and from the node, TCP and UDP" {
	ready
	service s 10.96.0.9
	slice s 10.244.0.3
	say sync
	run ask a 10.96.0.9 80
	[ "$output" = "b 10.244.0.2" ]
	run ask a 10.96.0.9 80 udp
	[ "$output" = "b 10.244.0.2" ]
	run ask node 10.96.0.9 80
	[[ "$output" == "b "* ]]
	run ask node 10.96.0.9 80 udp
	[[ "$output" == "b "* ]]
}

@test "both endpoints are used" {
	ready
	service s 10.96.0.9
	slice s 10.244.0.3 10.244.0.4
	say sync
	for _ in $(seq 30); do ask a 10.96.0.9 80; done | cut -d' ' -f1 | sort | uniq -c >"$DIR/used"
	[ "$(wc -l <"$DIR/used")" -eq 2 ]
}

@test "a pod reaches itself through its service" {
	ready
	service s 10.96.0.9
	slice s 10.244.0.2
	say sync
	run ask a 10.96.0.9 80
	[ "$output" = "a 10.244.0.1" ]
}

@test "no endpoint: refused at once, from pod, node and outside" {
	service s 10.96.0.9
	say sync
	for p in tcp udp; do
		run ask a 10.96.0.9 80 $p
		[ "$output" = ConnectionRefusedError ]
		run ask node 10.96.0.9 80 $p # a rejected datagram of the node's own is refused by sendto() already
		[[ "$output" = ConnectionRefusedError || "$p $output" = "udp PermissionError" ]]
		run ask out 192.168.77.1 30080 $p
		[ "$output" = ConnectionRefusedError ]
	done
}

@test "node port from outside, masqueraded; with policy Local the source is kept" {
	ready
	service s 10.96.0.9
	slice s 10.244.0.3
	say sync
	run ask out 192.168.77.1 30080
	[ "$output" = "b 10.244.0.1" ]
	run ask a 192.168.77.1 30080
	[ "$output" = "b 10.244.0.1" ]
	service s 10.96.0.9 ',"externalTrafficPolicy":"Local"'
	say sync
	run ask out 192.168.77.1 30080
	[ "$output" = "b 192.168.77.2" ]
}

@test "policy Local without an endpoint here: dropped from outside, served for pods and the node" {
	ready
	service s 10.96.0.9 ',"externalTrafficPolicy":"Local"'
	say slice '{"metadata":{"namespace":"d","name":"s-1","labels":{"kubernetes.io/service-name":"s"}},"addressType":"IPv4","endpoints":[{"addresses":["10.244.0.3"],"nodeName":"other"}],"ports":[{"name":"t","port":8080}]}'
	say sync
	PATIENCE=2 run ask out 192.168.77.1 30080
	[ "$output" = TimeoutError ]
	run ask a 192.168.77.1 30080
	[ "$output" = "b 10.244.0.2" ]
	run ask node 192.168.77.1 30080
	[[ "$output" == "b "* ]]
}

@test "a load-balancer address takes only the sources it names, also after a restart" {
	ready
	balancer() {
		say service '{"metadata":{"namespace":"d","name":"s"},"spec":{"type":"LoadBalancer","clusterIP":"10.96.0.9","loadBalancerSourceRanges":['"$1"'],"ports":[{"name":"t","port":80}]},"status":{"loadBalancer":{"ingress":[{"ip":"5.5.5.5"}]}}}'
		slice s 10.244.0.3
	}
	in_ns out ip route add 5.5.5.5 via 192.168.77.1
	balancer '"192.168.77.0/24","172.16.0.0/12"'
	say sync
	run ask out 5.5.5.5 80
	[ "$output" = "b 10.244.0.1" ]
	PATIENCE=2 run ask a 5.5.5.5 80
	[ "$output" = TimeoutError ]
	stop_drive
	start_drive
	balancer '"192.168.77.0/24","172.16.0.0/12"'
	say sync
	[[ $REPLY == "ok 0 "* ]]
	balancer '"10.244.0.0/16","172.16.0.0/12"'
	say sync
	PATIENCE=2 run ask out 5.5.5.5 80
	[ "$output" = TimeoutError ]
	run ask a 5.5.5.5 80
	[ "$output" = "b 10.244.0.1" ]
	balancer ''
	say sync
	run ask out 5.5.5.5 80
	[ "$output" = "b 10.244.0.1" ]
}

@test "hints: the endpoint of this node's zone" {
	ready
	service s 10.96.0.9
	say slice '{"metadata":{"namespace":"d","name":"s-1","labels":{"kubernetes.io/service-name":"s"}},"addressType":"IPv4","endpoints":[{"addresses":["10.244.0.3"],"hints":{"forZones":[{"name":"here"}]}},{"addresses":["10.244.0.4"],"hints":{"forZones":[{"name":"there"}]}}],"ports":[{"name":"t","port":8080}]}'
	say sync
	for _ in 1 2 3 4 5 6; do [ "$(ask a 10.96.0.9 80)" = "b 10.244.0.2" ]; done
}

@test "pods leave the cluster with the node's address" {
	PIDS="$PIDS $(nsenter --net=/run/netns/$T-out python3 "$DIR/serve.py" out >/dev/null 2>&1 3>&- & echo $!)"
	say sync
	eventually 60 answers a 192.168.77.2 "out 192.168.77.1"
}

@test "a change touches only what changed" {
	service s 10.96.0.9
	slice s 10.244.0.2 10.244.0.3
	service t 10.96.0.10 ',"type":"ClusterIP"'
	say sync
	say sync
	[[ $REPLY == "ok 0 "* ]]
	slice s 10.244.0.2 10.244.0.4
	say sync
	# one index on four fronts (cluster IP and node port, TCP and UDP) deleted and added, one hairpin gone, one new
	[[ $REPLY == "ok 10 "* ]]
}

@test "a restart adopts what is there and changes only the difference" {
	ready
	service s 10.96.0.9
	slice s 10.244.0.3 10.244.0.4
	say sync
	in_ns node nft list chains | grep -c chain >"$DIR/chains"
	stop_drive
	run ask a 10.96.0.9 80
	[[ "$output" == [bc]* ]]
	start_drive
	service s 10.96.0.9
	slice s 10.244.0.4 10.244.0.3
	say sync
	[[ $REPLY == "ok 0 "* ]]
	stop_drive
	start_drive
	service s 10.96.0.9
	slice s 10.244.0.4
	say sync
	[[ $REPLY == "ok "* ]] && [[ $REPLY != "ok 0 "* ]]
	run ask a 10.96.0.9 80
	[ "$output" = "c 10.244.0.2" ]
}

@test "UDP from one source port follows when the endpoint goes" {
	ready
	service s 10.96.0.9
	slice s 10.244.0.3
	say sync
	run ask a 10.96.0.9 80 udp 5555
	[ "$output" = "b 10.244.0.2" ]
	slice s 10.244.0.4
	say sync
	run ask a 10.96.0.9 80 udp 5555
	[ "$output" = "c 10.244.0.2" ]
	slice s
	say sync
	run ask a 10.96.0.9 80 udp 5555
	[ "$output" = ConnectionRefusedError ]
}

@test "UDP from one source port finds the first endpoint, at the cluster address and at the node port" {
	ready
	say sync
	PATIENCE=1 run ask out 192.168.77.1 30080 udp 5556 # before there is a service at all
	PATIENCE=1 run ask a 10.96.0.9 80 udp 5555
	service s 10.96.0.9
	slice s 10.244.0.3
	say sync
	run ask a 10.96.0.9 80 udp 5555
	[ "$output" = "b 10.244.0.2" ]
	run ask out 192.168.77.1 30080 udp 5556
	[ "$output" = "b 10.244.0.1" ]
}

@test "UDP flows to endpoints that went while no proxy ran are cut at its start, others go on" {
	ready
	service s 10.96.0.9
	slice s 10.244.0.3
	say sync
	run ask a 10.96.0.9 80 udp 5555
	[ "$output" = "b 10.244.0.2" ]
	run ask out 192.168.77.1 30080 udp 5556
	[ "$output" = "b 10.244.0.1" ]
	stop_drive
	start_drive
	service s 10.96.0.9
	slice s 10.244.0.3
	say sync
	[ "$(in_ns node conntrack -L -p udp --orig-port-dst 30080 2>/dev/null | wc -l)" -eq 1 ]
	stop_drive
	start_drive
	service s 10.96.0.9
	slice s 10.244.0.4
	say sync
	run ask a 10.96.0.9 80 udp 5555
	[ "$output" = "c 10.244.0.2" ]
	run ask out 192.168.77.1 30080 udp 5556
	[ "$output" = "c 10.244.0.1" ]
}

@test "a TCP connection outlives a restart and a change of endpoints" {
	ready
	nsenter --net=/run/netns/$T-b socat TCP-LISTEN:9090,fork EXEC:cat 3>&- 7>&- 8<&- &
	PIDS="$PIDS $!"
	eventually 60 in_ns b socat -u /dev/null TCP:127.0.0.1:9090
	say service '{"metadata":{"namespace":"d","name":"e"},"spec":{"clusterIP":"10.96.0.11","ports":[{"port":90}]}}'
	say slice '{"metadata":{"namespace":"d","name":"e-1","labels":{"kubernetes.io/service-name":"e"}},"addressType":"IPv4","endpoints":[{"addresses":["10.244.0.3"]}],"ports":[{"port":9090}]}'
	say sync
	mkfifo "$DIR/c-in"
	nsenter --net=/run/netns/$T-a socat -t60 - TCP:10.96.0.11:90 <"$DIR/c-in" >"$DIR/c-out" 3>&- 7>&- 8<&- &
	client=$!
	exec 6>"$DIR/c-in"
	echo one >&6
	eventually 60 grep -q one "$DIR/c-out"
	stop_drive
	echo two >&6
	start_drive 6>&- # which would keep the pipe open
	say sync # a proxy that knows of nothing takes the service away
	echo three >&6
	exec 6>&-
	timeout 60 tail --pid="$client" -f /dev/null
	[ "$(tr '\n' ' ' <"$DIR/c-out")" = "one two three " ]
}

@test "a segment outside of a connection's window does not end it" {
	# Untranslated, it would reach the client from the endpoint's own address, and the client's answer would end the endpoint's side.
	cat >"$DIR/stray.py" <<'PY'
import socket, struct, sys
REPAIR, QUEUE, SEQ = 19, 20, 21 # TCP_REPAIR ...
def sum16(b):
    s = sum(struct.unpack(f"!{len(b) // 2}H", b))
    while s >> 16:
        s = (s & 0xffff) + (s >> 16)
    return s ^ 0xffff
t = socket.create_server(("", 9000))
c, (peer, port) = t.accept()
me = c.getsockname()[0]
c.recv(1)
c.setsockopt(socket.IPPROTO_TCP, REPAIR, 1)
seq = {}
for q in (1, 2): # what is received, what is sent
    c.setsockopt(socket.IPPROTO_TCP, QUEUE, q)
    seq[q] = struct.unpack("I", c.getsockopt(socket.IPPROTO_TCP, SEQ, 4))[0]
c.setsockopt(socket.IPPROTO_TCP, REPAIR, -1)
head = struct.pack("!HHIIBBHHH", 9000, port, (seq[2] + 100000000) & 0xffffffff, seq[1], 5 << 4, 0x18, 1000, 0, 0)
ends = socket.inet_aton(me) + socket.inet_aton(peer) + struct.pack("!HH", 6, len(head) + 2)
head = head[:16] + struct.pack("!H", sum16(ends + head + b"zz")) + head[18:]
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
raw.sendto(head + b"zz", (peer, 0))
c.sendall(b"y")
c.sendall(c.recv(1))
PY
	nsenter --net=/run/netns/$T-a python3 "$DIR/stray.py" 3>&- &
	PIDS="$PIDS $!"
	say service '{"metadata":{"namespace":"d","name":"far"},"spec":{"clusterIP":"10.96.0.9","ports":[{"port":80}]}}'
	say slice '{"metadata":{"namespace":"d","name":"far-1","labels":{"kubernetes.io/service-name":"far"}},"addressType":"IPv4","endpoints":[{"addresses":["10.244.0.2"]}],"ports":[{"port":9000}]}'
	say sync
	eventually 60 sh -c "nsenter --net=/run/netns/$T-a ss -Hltn 'sport = :9000' | grep -q ."
	run in_ns b python3 -S -c '
import socket
s = socket.create_connection(("10.96.0.9", 80), 30)
s.sendall(b"x")
assert s.recv(1) == b"y"
s.sendall(b"w")
print(s.recv(1).decode())'
	[ "$output" = w ] || { echo "$output"; return 1; }
}

@test "one proxy at a time keeps a table" {
	say sync
	run nsenter --net=/run/netns/$T-node "$DRIVE" --cidr 10.244.0.0/16
	[ "$status" -eq 1 ]
	[[ "$output" == *"process $DRIVE_PID keeps table knarr-proxy already"* ]]
}

@test "session affinity keeps an endpoint until it goes" {
	ready
	service s 10.96.0.9 ',"sessionAffinity":"ClientIP"'
	slice s 10.244.0.3 10.244.0.4
	say sync
	first=$(ask a 10.96.0.9 80)
	for _ in $(seq 10); do [ "$(ask a 10.96.0.9 80)" = "$first" ]; done
	if [[ "$first" == b* ]]; then slice s 10.244.0.4; other=c; else slice s 10.244.0.3; other=b; fi
	say sync
	[ "$(ask a 10.96.0.9 80)" = "$other 10.244.0.2" ]
}

@test "session affinity outlives the removal of another endpoint" {
	ready
	service s 10.96.0.9 ',"sessionAffinity":"ClientIP"'
	slice s 10.244.0.2 10.244.0.3 10.244.0.4
	say sync
	first=$(ask out 192.168.77.1 30080)
	case "$first" in
	a*) slice s 10.244.0.2 10.244.0.4 ;;
	b*) slice s 10.244.0.3 10.244.0.4 ;;
	*) slice s 10.244.0.3 10.244.0.4 ;;
	esac
	say sync
	for _ in $(seq 8); do [ "$(ask out 192.168.77.1 30080)" = "$first" ]; done
}

@test "two services with one address: the second waits for the first" {
	ready
	service s 10.96.0.9
	slice s 10.244.0.3
	say sync
	say service '{"metadata":{"namespace":"d","name":"z"},"spec":{"clusterIP":"10.96.0.9","ports":[{"name":"t","port":80}]}}'
	slice z 10.244.0.4
	say sync
	[[ "$(ask a 10.96.0.9 80)" == b* ]]
	say del-service d/s
	say sync
	[[ "$(ask a 10.96.0.9 80)" == c* ]]
}

@test "a table that somebody removed is told and made again" {
	ready
	service s 10.96.0.9
	slice s 10.244.0.3
	say sync
	in_ns node nft delete table ip knarr-proxy
	slice s 10.244.0.4
	run say sync
	[[ "$output" == *"error nf_tables: "*"no such file or directory"* ]]
	say sync
	[[ "$(ask a 10.96.0.9 80)" == c* ]]
}

@test "foreign tables stay, cleanup removes ours" {
	in_ns node nft add table inet foreign
	service s 10.96.0.9
	say sync
	in_ns node nft list tables | grep -q knarr-proxy
	say cleanup
	run in_ns node nft list tables
	[[ "$output" == *foreign* && "$output" != *knarr-proxy* ]]
}

@test "ten thousand services (times printed)" {
	say sync
	say many 10000 2
	say sync
	echo "# 10,000 services x 2 endpoints: ${REPLY#ok } us (elements, time)" >&3
	say slice '{"metadata":{"namespace":"many","name":"s77-a","labels":{"kubernetes.io/service-name":"s77"}},"addressType":"IPv4","endpoints":[{"addresses":["10.200.0.77"]},{"addresses":["10.244.0.3"]}],"ports":[{"port":8080}]}'
	say sync
	echo "# one endpoint changed: ${REPLY#ok } us" >&3
}
