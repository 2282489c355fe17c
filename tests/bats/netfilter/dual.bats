#!/usr/bin/env bats
# The service proxy with both families: a "node" with three routed pods and an outside machine, all of it IPv4 and IPv6.

load ../../lib/host
load common

setup_file() {
	[ "$(id -u)" -eq 0 ] || return 0
	ROOT=$(cd "$BATS_TEST_DIRNAME/../../.." && pwd)
	make -s -C "$ROOT" proxy-drive >/dev/null 2>&1 3>&- || true
	export ROOT T=knarr-test-pd-$$ DIR
	DIR=$(mktemp -d /tmp/knarr-test-pd.XXXXXX)
	for n in node out a b c; do ip netns add "$T-$n"; in_ns $n ip link set lo up; done
	link up0 192.168.77 fd77: out
	in_ns node ip route add default via 192.168.77.2
	in_ns node ip -6 route add default via fd77::2
	link pa 10.244.1 fd44:1: a
	link pb 10.244.2 fd44:2: b
	link pc 10.244.3 fd44:3: c
	write_server
	: >"$DIR/pids"
	for p in a b c; do
		nsenter --net="/run/netns/$T-$p" python3 "$DIR/serve.py" "$p" >"$DIR/$p.log" 2>&1 3>&- 4>&- &
		echo $! >>"$DIR/pids"
	done
	for p in a b c; do eventually 60 answers $p; done
}

teardown_file() {
	[ -n "$T" ] || return 0
	while read -r p; do kill "$p" 2>/dev/null || true; done <"$DIR/pids"
	for n in node out a b c; do ip netns del "$T-$n" 2>/dev/null || true; done
	rm -rf "$DIR"
}

setup() {
	[ "$(id -u)" -eq 0 ] || skip "needs root"
	DRIVE=${PROXY_DRIVE:-$ROOT/build/test/proxy-drive}
	[ -x "$DRIVE" ]
	rm -f "$DIR/in" "$DIR/out"
	mkfifo "$DIR/in" "$DIR/out"
	nsenter --net="/run/netns/$T-node" "$DRIVE" --cidr 10.244.0.0/16 --cidr fd44::/16 --node-ip 192.168.77.1 --node-ip fd77::1 \
		--ipv6 --remove <"$DIR/in" >"$DIR/out" 3>&- 4>&- &
	DRIVE_PID=$!
	exec 7>"$DIR/in" 8<"$DIR/out"
}

teardown() {
	exec 7>&- 8<&- || true
	[ -z "$DRIVE_PID" ] || ended "$DRIVE_PID"
}

answers() { [[ "$(ask "$1" ::1 8080)" == "$1 "* && "$(ask "$1" 127.0.0.1 8080 udp)" == "$1 "* ]]; }

link() { # NAME PREFIX4 PREFIX6 NETNS: .1 is the node's end, .2 the other one's
	in_ns node ip link add "$1" type veth peer name eth0 netns "$T-$4"
	in_ns node ip addr add "$2.1/24" dev "$1"
	in_ns node ip addr add "$3:1/64" dev "$1" nodad
	in_ns node ip link set "$1" up
	in_ns "$4" ip addr add "$2.2/24" dev eth0
	in_ns "$4" ip addr add "$3:2/64" dev eth0 nodad
	in_ns "$4" ip link set eth0 up
	in_ns "$4" ip route add default via "$2.1"
	in_ns "$4" ip -6 route add default via "$3:1"
}

say_line() { say "$(printf '%s' "$*" | tr -d '\n\t')"; }
service() { # MORE OF SPEC, STATUS: 10.96.0.9 and fd96::9, port 80 (node port 30080) of TCP and UDP, to 8080
	say_line 'service {"metadata":{"namespace":"d","name":"s"},"spec":{"type":"LoadBalancer","clusterIP":"10.96.0.9",
		"clusterIPs":["10.96.0.9","fd96::9"],"ports":[{"name":"t","port":80,"nodePort":30080},
		{"name":"u","port":80,"nodePort":30080,"protocol":"UDP"}]'"$1"'}'"$2"'}'
}
endpoint() { echo '{"addresses":["'"$1"'"],"nodeName":"'"${2:-node}"'"'"$3"'}'; }
slice() { # TYPE ENDPOINTS
	say_line 'slice {"metadata":{"namespace":"d","name":"s-'"$1"'","labels":{"kubernetes.io/service-name":"s"}},"addressType":"'"$1"'",
		"endpoints":['"$2"'],"ports":[{"name":"t","port":8080},{"name":"u","port":8080,"protocol":"UDP"}]}'
}

@test "dual stack: cluster addresses from a pod and the node, node ports from outside, hairpin" {
	service
	slice IPv4 "$(endpoint 10.244.2.2)"
	slice IPv6 "$(endpoint fd44:3::2)"
	say sync
	for proto in tcp udp; do
		[ "$(ask a 10.96.0.9 80 $proto)" = "b 10.244.1.2" ]
		[ "$(ask a fd96::9 80 $proto)" = "c fd44:1::2" ]
		[[ "$(ask node fd96::9 80 $proto)" == "c fd44:3::1" ]]
		[ "$(ask out 192.168.77.1 30080 $proto)" = "b 10.244.2.1" ]
		[ "$(ask out fd77::1 30080 $proto)" = "c fd44:3::1" ]
		[ "$(ask b 10.96.0.9 80 $proto)" = "b 10.244.2.1" ]
		[ "$(ask c fd96::9 80 $proto)" = "c fd44:3::1" ]
	done
}

@test "dual stack: a family without endpoints is refused, the other one is served" {
	service
	slice IPv4 "$(endpoint 10.244.2.2)"
	say sync
	for proto in tcp udp; do
		[ "$(ask a 10.96.0.9 80 $proto)" = "b 10.244.1.2" ]
		[ "$(ask a fd96::9 80 $proto)" = ConnectionRefusedError ]
		[ "$(ask out fd77::1 30080 $proto)" = ConnectionRefusedError ]
	done
}

@test "IPv6: external address, load-balancer address and its sources, policy Local" {
	service ',"externalIPs":["fd55::1"],"loadBalancerSourceRanges":["fd77::/64"]' ',"status":{"loadBalancer":{"ingress":[{"ip":"fd55::2"}]}}'
	slice IPv6 "$(endpoint fd44:3::2)"
	say sync
	[ "$(ask out fd55::1 80)" = "c fd44:3::1" ]
	[ "$(ask out fd55::2 80)" = "c fd44:3::1" ]
	[ "$(ask a fd55::1 80)" = "c fd44:3::1" ]
	[ "$(PATIENCE=2 ask a fd55::2 80)" = TimeoutError ]
	service ',"externalTrafficPolicy":"Local"'
	say sync
	[ "$(ask out fd77::1 30080)" = "c fd77::2" ]
	slice IPv6 "$(endpoint fd44:3::2 other)"
	say sync
	[ "$(PATIENCE=2 ask out fd77::1 30080)" = TimeoutError ]
	[ "$(ask a fd77::1 30080)" = "c fd44:1::2" ]
}

@test "IPv6: a client keeps its endpoint until it goes" {
	service ',"sessionAffinity":"ClientIP"'
	slice IPv6 "$(endpoint fd44:2::2),$(endpoint fd44:3::2)"
	say sync
	first=$(ask a fd96::9 80)
	for _ in 1 2 3 4 5 6; do [ "$(ask a fd96::9 80)" = "$first" ]; done
	if [[ "$first" == b* ]]; then slice IPv6 "$(endpoint fd44:3::2)"; other=c; else slice IPv6 "$(endpoint fd44:2::2)"; other=b; fi
	say sync
	[ "$(ask a fd96::9 80)" = "$other fd44:1::2" ]
}

# What follows is one flow: the client's port stays the same.
@test "UDP of both families follows when its endpoint is gone or was not there" {
	local at
	for at in 10.96.0.9 fd96::9; do PATIENCE=1 ask a "$at" 80 udp 5555; done # before there is a service at all
	service
	slice IPv4 "$(endpoint 10.244.2.2)"
	slice IPv6 "$(endpoint fd44:2::2)"
	say sync
	for at in 10.96.0.9 fd96::9; do [[ "$(ask a "$at" 80 udp 5555)" == "b "* ]]; done
	for at in 192.168.77.1 fd77::1; do [[ "$(ask out "$at" 30080 udp 5555)" == "b "* ]]; done
	slice IPv4 "$(endpoint 10.244.3.2)"
	slice IPv6 "$(endpoint fd44:3::2)"
	say sync
	for at in 10.96.0.9 fd96::9; do [[ "$(ask a "$at" 80 udp 5555)" == "c "* ]]; done
	for at in 192.168.77.1 fd77::1; do [[ "$(ask out "$at" 30080 udp 5555)" == "c "* ]]; done
}

@test "an endpoint that ends keeps its UDP flows while it serves, new ones go elsewhere" {
	local at ending=',"conditions":{"ready":false,"serving":true,"terminating":true}' over=',"conditions":{"ready":false,"serving":false,"terminating":true}'
	service
	slice IPv4 "$(endpoint 10.244.2.2)"
	slice IPv6 "$(endpoint fd44:2::2)"
	say sync
	for at in 10.96.0.9 fd96::9; do [[ "$(ask a "$at" 80 udp 5555)" == "b "* ]]; done
	slice IPv4 "$(endpoint 10.244.2.2 node "$ending"),$(endpoint 10.244.3.2)"
	slice IPv6 "$(endpoint fd44:2::2 node "$ending"),$(endpoint fd44:3::2)"
	say sync
	for at in 10.96.0.9 fd96::9; do
		[[ "$(ask a "$at" 80 udp 5555)" == "b "* ]]
		[[ "$(ask a "$at" 80 udp 5556)" == "c "* ]]
		[[ "$(ask a "$at" 80)" == "c "* ]]
	done
	slice IPv4 "$(endpoint 10.244.2.2 node "$over"),$(endpoint 10.244.3.2)"
	slice IPv6 "$(endpoint fd44:2::2 node "$over"),$(endpoint fd44:3::2)"
	say sync
	for at in 10.96.0.9 fd96::9; do [[ "$(ask a "$at" 80 udp 5555)" == "c "* ]]; done
	slice IPv4 "$(endpoint 10.244.2.2 node "$ending")" # nobody else: who ends serves new ones, too
	say sync
	[[ "$(ask a 10.96.0.9 80)" == "b "* ]]
}

@test "an endpoint's own errors come back through the service" {
	say_line 'service {"metadata":{"namespace":"d","name":"e"},"spec":{"clusterIP":"10.96.0.10","clusterIPs":["10.96.0.10","fd96::a"],
		"ports":[{"name":"t","port":81},{"name":"u","port":81,"protocol":"UDP"}]}}'
	say_line 'slice {"metadata":{"namespace":"d","name":"e-1","labels":{"kubernetes.io/service-name":"e"}},"addressType":"IPv4",
		"endpoints":['"$(endpoint 10.244.2.2)"','"$(endpoint fd44:2::2)"'],"ports":[{"name":"t","port":9},{"name":"u","port":9,"protocol":"UDP"}]}'
	say sync
	for at in 10.96.0.10 fd96::a; do
		[ "$(ask a $at 81)" = ConnectionRefusedError ]
		[ "$(ask a $at 81 udp)" = ConnectionRefusedError ]
	done
}

# The kernel may know no SCTP sockets: then the rules are all that can be seen.
@test "SCTP: rules of both families, and traffic where the kernel has it" {
	say_line 'service {"metadata":{"namespace":"d","name":"x"},"spec":{"clusterIP":"10.96.0.11","clusterIPs":["10.96.0.11","fd96::b"],
		"ports":[{"name":"s","port":82,"protocol":"SCTP"}]}}'
	say_line 'slice {"metadata":{"namespace":"d","name":"x-1","labels":{"kubernetes.io/service-name":"x"}},"addressType":"IPv4",
		"endpoints":['"$(endpoint 10.244.2.2)"','"$(endpoint fd44:2::2)"'],"ports":[{"name":"s","port":8082,"protocol":"SCTP"}]}'
	say sync
	in_ns node nft list map ip knarr-proxy services | grep -q '10.96.0.11 . sctp . 82 : 1400:1'
	in_ns node nft list map ip knarr-proxy endpoints | grep -q '10.96.0.11 . sctp . 82 . .* : 10.244.2.2 . 8082'
	in_ns node nft list map ip6 knarr-proxy endpoints | grep -q 'fd96::b . sctp . 82 . .* : fd44:2::2 . 8082'
	python3 -c 'import socket; socket.socket(socket.AF_INET, socket.SOCK_STREAM, 132)' 2>/dev/null || skip "rules seen; this kernel has no SCTP sockets for traffic"
	nsenter --net="/run/netns/$T-b" python3 -c '
import socket
s = socket.socket(socket.AF_INET6, socket.SOCK_STREAM, 132)
s.bind(("::", 8082)); s.listen(); print("up", flush=True)
for _ in range(2):
    c, a = s.accept(); c.sendall(b"b"); c.close()' >"$DIR/sctp" 3>&- 4>&- 7>&- 8<&- &
	echo $! >>"$DIR/pids"
	eventually 60 grep -q up "$DIR/sctp"
	for at in 10.96.0.11 fd96::b; do
		[ "$(in_ns a python3 -c '
import socket, sys
s = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET, socket.SOCK_STREAM, 132)
s.settimeout(60); s.connect((sys.argv[1], 82)); print(s.recv(9).decode())' $at)" = b ]
	done
}
