#!/usr/bin/env bats
# The node's name server, asked by dig from a pod's network, with dnsmasq as the node's own name server.
# bats file_tags=cluster

load ../../lib/host

H=dns
CG=knarr-test-$H

k() { host $H kubectl --kubeconfig /etc/kubernetes/admin.conf "$@"; }

# ask NAME TYPE ARGS...: dig's answer from the host, short
ask() { host $H dig @10.96.0.10 +short +tries=1 +time=20 "$@"; }
# asked ARGS...: all of what dig says, from the network of a pod
asked() { host $H nsenter --net="/run/netns/$(host $H ls /run/netns | head -n 1)" dig @10.96.0.10 +tries=1 +time=20 "$@"; }

is() { [ "$(ask "$1" "$2" | sort | tr '\n' ' ')" = "$3" ]; }

setup_file() {
	export HOST_BASE=$BATS_FILE_TMPDIR/hosts
	host_create $H
	host $H sh -c 'rm -f /etc/resolv.conf; printf "nameserver 127.0.0.2\nsearch corp.test\n" >/etc/resolv.conf'
	host $H dnsmasq --no-resolv --no-hosts --listen-address=127.0.0.2 --bind-interfaces --pid-file=/run/dnsmasq.pid --local=/#/ --local-ttl=60 \
		--address=/www.example.test/192.0.2.1 --address=/in.corp.test/192.0.2.2 --txt-record=big.example.test,"$(printf '%0200d' 1)","$(printf '%0200d' 2)","$(printf '%0200d' 3)","$(printf '%0200d' 4)","$(printf '%0200d' 5)","$(printf '%0200d' 6)","$(printf '%0200d' 7)","$(printf '%0200d' 8)" \
		--log-queries --log-facility=/var/log/dnsmasq.log 3>&-
	host $H "$BIN/knarr" up --no-systemd --cgroup-root=$CG --node-name=node1 --timeout=60
	"$REPO/examples/image/build" "$BATS_FILE_TMPDIR/demo.tar"
	host $H "$BIN/knarr" image import "$BATS_FILE_TMPDIR/demo.tar"
	k apply -f "$REPO/examples/hello.yaml"
	k apply -f - <<-'Y'
		apiVersion: v1
		kind: Service
		metadata: {name: crowd, namespace: hello}
		spec: {clusterIP: None, selector: {app: hello}, ports: [{name: http, port: 80}]}
		---
		apiVersion: v1
		kind: Service
		metadata: {name: far, namespace: hello}
		spec: {type: ExternalName, externalName: www.example.test}
		---
		apiVersion: v1
		kind: Service
		metadata: {name: near, namespace: hello}
		spec: {type: ExternalName, externalName: hello.hello.svc.cluster.local}
	Y
	k -n hello rollout status deployment/hello --timeout=60s
}

teardown_file() {
	host $H sh -c 'kill "$(cat /run/dnsmasq.pid)"' || true
	host $H "$BIN/knarr" down --purge >/dev/null 2>&1 || true
	host_destroy $H
}

@test "services, their ports, and the way back" {
	ip=$(k -n hello get service hello -o 'jsonpath={.spec.clusterIP}')
	[ "$(ask hello.hello.svc.cluster.local A)" = "$ip" ]
	[ "$(ask HELLO.hello.SVC.cluster.local A)" = "$ip" ]
	[ "$(ask -x "$ip")" = hello.hello.svc.cluster.local. ]
	[ "$(ask kubernetes.default.svc.cluster.local A)" = 10.96.0.1 ]
	[ "$(ask _https._tcp.kubernetes.default.svc.cluster.local SRV)" = "0 100 443 kubernetes.default.svc.cluster.local." ]
	[ "$(ask kube-dns.kube-system.svc.cluster.local A)" = 10.96.0.10 ]
	[ "$(ask dns-version.cluster.local TXT)" = '"1.1.0"' ]
}

@test "a headless service is its pods, and follows them" {
	ips() { k -n hello get pods -l app=hello -o 'jsonpath={range .items[*]}{.status.podIP}{"\n"}{end}' | sort | tr '\n' ' '; }
	eventually 60 is crowd.hello.svc.cluster.local A "$(ips)"
	[ "$(ask _http._tcp.crowd.hello.svc.cluster.local SRV | wc -l)" = 3 ]
	one=$(ips | cut -d ' ' -f 1)
	[ "$(ask "${one//./-}.crowd.hello.svc.cluster.local" A)" = "$one" ]
	ways_back() { [ "$(ask -x "$one" | sort | tr '\n' ' ')" = "${one//./-}.crowd.hello.svc.cluster.local. ${one//./-}.hello.hello.svc.cluster.local. " ]; }
	eventually 60 ways_back # by a service with an address, too
	[ "$(ask "${one//./-}.hello.hello.svc.cluster.local" A)" = "$one" ]
	[ "$(ask "${one//./-}.hello.pod.cluster.local" A)" = "$one" ]
	k -n hello patch service crowd -p '{"spec":{"selector":{"app":"nobody"}}}'
	eventually 60 is crowd.hello.svc.cluster.local A ""
	k -n hello patch service crowd -p '{"spec":{"selector":{"app":"hello"}}}'
	eventually 60 is crowd.hello.svc.cluster.local A "$(ips)"
}

@test "no such name, no such type: with the zone's SOA" {
	run asked nothing.hello.svc.cluster.local A
	[[ $output == *"status: NXDOMAIN"*"flags: qr aa rd ra"*"SOA"*"ns.dns.cluster.local. hostmaster.cluster.local."* ]]
	run asked hello.hello.svc.cluster.local MX
	[[ $output == *"status: NOERROR"*"ANSWER: 0"*"SOA"* ]]
	run asked hello.svc.cluster.local A
	[[ $output == *"status: NOERROR"*"ANSWER: 0"* ]]
	run asked 99.99.244.10.in-addr.arpa PTR
	[[ $output == *"status: NXDOMAIN"* ]]
}

@test "external names: the alias and what it leads to" {
	[ "$(ask far.hello.svc.cluster.local A | tr '\n' ' ')" = "www.example.test. 192.0.2.1 " ]
	ip=$(k -n hello get service hello -o 'jsonpath={.spec.clusterIP}')
	[ "$(ask near.hello.svc.cluster.local A | tr '\n' ' ')" = "hello.hello.svc.cluster.local. $ip " ]
	[ "$(ask far.hello.svc.cluster.local CNAME)" = www.example.test. ]
}

@test "other names come from the node's servers, and from memory then" {
	[ "$(ask www.example.test A)" = 192.0.2.1 ]
	before=$(host $H grep -c 'query\[A\] www.example.test' /var/log/dnsmasq.log)
	run asked no.such.test A
	[[ $output == *"status: NXDOMAIN"* ]]
	for _ in 1 2 3; do [ "$(ask www.example.test A)" = 192.0.2.1 ]; done
	after=$(host $H grep -c 'query\[A\] www.example.test' /var/log/dnsmasq.log)
	[ "$after" = "$before" ]
}

@test "a pod's search path is walked on this side" {
	run asked www.example.test.hello.svc.cluster.local A
	[[ $output == *"status: NOERROR"*"www.example.test.hello.svc.cluster.local."*"CNAME"*"www.example.test."*"192.0.2.1"* ]]
	run asked hello.hello.hello.svc.cluster.local A
	[[ $output == *"CNAME"*"hello.hello.svc.cluster.local."* ]]
	run asked in.hello.svc.cluster.local A
	[[ $output == *"CNAME"*"in.corp.test."*"192.0.2.2"* ]]
	run asked www.example.test.default.svc.cluster.local A # not the pod's own namespace
	[[ $output == *"status: NXDOMAIN"* ]]
	[ -z "$(ask www.example.test.hello.svc.cluster.local A)" ] # nor a pod
}

@test "large answers: cut over UDP, whole over TCP" {
	run asked +bufsize=512 +ignore big.example.test TXT
	[[ $output == *"flags: qr tc"* ]]
	run asked +tcp big.example.test TXT
	[[ $output == *"ANSWER: 1"*"0008"* ]]
	run asked +bufsize=4096 big.example.test TXT
	[[ $output == *"ANSWER: 1"*"0008"* ]]
}

@test "EDNS, other classes, other operations, garbage" {
	run asked +edns=1 +noednsneg hello.hello.svc.cluster.local A
	[[ $output == *"status: BADVERS"* ]]
	run asked -c CH version.bind TXT
	[[ $output == *"status: REFUSED"* ]]
	run asked +opcode=status hello.hello.svc.cluster.local A
	[[ $output == *"status: NOTIMP"* ]]
	run asked cluster.local AXFR
	[[ $output == *"Transfer failed"* || $output == *"REFUSED"* ]]
	host $H python3 - <<-'P'
		import os, socket
		s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		for n in list(range(40)) * 5:
		    s.sendto(os.urandom(n), ("10.96.0.10", 53))
		t = socket.create_connection(("10.96.0.10", 53))
		t.sendall(b"\xff\xff" + os.urandom(100))
	P
	[ -n "$(ask hello.hello.svc.cluster.local A)" ]
}

@test "pods resolve names by their C library's rules" {
	pod=$(k -n hello get pods -l app=hello -o 'jsonpath={.items[0].metadata.name}')
	run k -n hello exec "$pod" -- nslookup hello
	[[ $output == *"$(k -n hello get service hello -o 'jsonpath={.spec.clusterIP}')"* ]]
}

@test "servers that ask back are found out" {
	host $H sh -c 'kill "$(cat /run/dnsmasq.pid)"; while kill -0 "$(cat /run/dnsmasq.pid)" 2>/dev/null; do sleep 0.05; done'
	host $H dnsmasq --no-resolv --no-hosts --server=10.96.0.10 --listen-address=127.0.0.3 --bind-interfaces --pid-file=/run/dnsmasq.pid 3>&-
	host $H sh -c 'printf "nameserver 127.0.0.3\n" >/etc/resolv.conf'
	# The file is looked at every few seconds.
	tries=0
	told() { ask loop$((tries += 1)).example.test A +time=2 || true; k get events -A | grep -q DNSLoop; }
	eventually 60 told
	run asked last.example.test A
	[[ $output == *"status: SERVFAIL"* ]]
	[ "$(ask kubernetes.default.svc.cluster.local A)" = 10.96.0.1 ]
}

@test "down takes the address away" {
	host $H "$BIN/knarr" down
	[[ $(host $H ip addr show lo) != *10.96.0.10* ]]
}
