#!/usr/bin/env bats
# The Kubernetes DNS specification 1.1.0, section by section, asked of the node's name server by dig; and what RFCs say of the
# messages themselves. Both address families.
# bats file_tags=cluster

load ../../lib/host

H=dnspec
CG=knarr-test-$H
Z=spec.svc.cluster.local

k() { host $H kubectl --kubeconfig /etc/kubernetes/admin.conf "$@"; }
# ask NAME TYPE ARGS...: the values of the answer, sorted, on one line
ask() { host $H dig @10.96.0.10 +short +tries=2 +time=5 "$@" | sort | tr '\n' ' ' | sed 's/ $//'; }
asked() { host $H dig @10.96.0.10 +tries=2 +time=5 "$@"; }
is() { [ "$(ask "$1" "$2")" = "$3" ] || { echo "$1 $2: $(ask "$1" "$2"), wanted: $3"; return 1; }; }
status() { [[ $(asked "$1" "$2") == *"status: $3,"* ]] || { asked "$1" "$2"; return 1; }; }
nxdomain() { status "$1" "$2" NXDOMAIN; }
# nodata NAME TYPE: the name is there, without records of that type, and the zone's SOA says so
nodata() {
	run asked "$1" "$2"
	[[ $output == *"status: NOERROR"*"ANSWER: 0, AUTHORITY: 1"*"SOA"* ]] || { echo "$output"; return 1; }
}
ip6_arpa() { python3 -c 'import ipaddress, sys; print(ipaddress.ip_address(sys.argv[1]).reverse_pointer)' "$1"; }

setup_file() {
	export HOST_BASE=$BATS_FILE_TMPDIR/hosts
	host_create $H
	host_ipv6 $H fd77::2/64
	host $H sh -c 'rm -f /etc/resolv.conf; echo nameserver 127.0.0.2 >/etc/resolv.conf'
	host $H dnsmasq --no-resolv --no-hosts --listen-address=127.0.0.2 --bind-interfaces --pid-file=/run/dnsmasq.pid --local=/#/ --local-ttl=60 \
		--address=/www.example.test/192.0.2.1 --cname=more.example.test,www.example.test --host-record=www.example.test,192.0.2.1 3>&-
	host $H "$BIN/knarr" up --no-systemd --cgroup-root=$CG --node-name=node1 --timeout=60 --node-ip=192.168.77.2,fd77::2 \
		--cluster-cidr=10.244.0.0/16,fd00:244::/48 --service-cluster-ip-range=10.96.0.0/16,fd00:96::/112
	"$REPO/examples/image/build" "$BATS_FILE_TMPDIR/demo.tar"
	host $H "$BIN/knarr" image import "$BATS_FILE_TMPDIR/demo.tar"
	k create namespace spec
	k -n spec apply -f "$BATS_TEST_DIRNAME/specification.yaml"
	k -n spec wait pod ready --for=condition=Ready --timeout=60s
	eventually 60 is "ready.set.$Z" A "$(k -n spec get pod ready -o 'jsonpath={.status.podIP}')"
	eventually 60 is "v6.$Z" AAAA fd00:96::77
	eventually 60 status "unready.early.$Z" A NOERROR
}

teardown_file() {
	host $H sh -c 'kill "$(cat /run/dnsmasq.pid)"' || true
	host $H "$BIN/knarr" down --purge >/dev/null 2>&1 || true
	host_destroy $H
}

@test "2.1: comparisons do not look at letters' case, answers keep the question's" {
	is "PLAIN.Spec.SVC.cluster.LOCAL" A 10.96.7.1
	[[ $(asked "pLaIn.$Z" A) == *"
pLaIn.$Z."*"10.96.7.1"* ]]
	is "_HTTP._TCP.plain.$Z" SRV "0 100 80 plain.$Z."
}

@test "2.2: the version of the schema" {
	is dns-version.cluster.local TXT '"1.1.0"'
}

@test "2.3.1: A and AAAA of a service with addresses" {
	is "plain.$Z" A 10.96.7.1
	nodata "plain.$Z" AAAA
	is "both.$Z" A 10.96.7.2
	is "both.$Z" AAAA fd00:96::72
	is "v6.$Z" AAAA fd00:96::77
	nodata "v6.$Z" A
	is kubernetes.default.svc.cluster.local A 10.96.0.1
	nxdomain "nothing.$Z" A
	nxdomain plain.nowhere.svc.cluster.local A
}

@test "2.3.2: SRV of its named ports, none of unnamed ones" {
	is "_http._tcp.plain.$Z" SRV "0 100 80 plain.$Z."
	is "_dns._udp.plain.$Z" SRV "0 100 53 plain.$Z."
	is "_sctp._sctp.plain.$Z" SRV "0 100 54 plain.$Z."
	nxdomain "_dns._tcp.plain.$Z" SRV
	nxdomain "_none._tcp.plain.$Z" SRV
	nxdomain "_._tcp.both.$Z" SRV
	run asked "_http._tcp.plain.$Z" SRV
	[[ $output == *"ADDITIONAL SECTION"*"10.96.7.1"* ]]
}

@test "2.3.3: PTR of its addresses" {
	is 1.7.96.10.in-addr.arpa PTR "plain.$Z."
	is "$(ip6_arpa fd00:96::72)" PTR "both.$Z."
	nxdomain 99.99.96.10.in-addr.arpa PTR
}

@test "2.4.1: A and AAAA of a headless service: ready endpoints only, of both families" {
	is "byhand.$Z" A "10.9.0.1 10.9.0.2"
	is "byhand.$Z" AAAA fd09::1
	is "one.byhand.$Z" A 10.9.0.1
	is "one.byhand.$Z" AAAA fd09::1
	nodata "10-9-0-2.byhand.$Z" AAAA
	nxdomain "three.byhand.$Z" A # not ready
	is "twice.twice.$Z" A "10.9.1.1 10.9.1.2"
	nxdomain "nobody.$Z" A # without ready endpoints
	nxdomain "nobody.$Z" AAAA
}

@test "2.4.2: SRV of a headless service: each named port of each ready endpoint, once" {
	is "_web._tcp.byhand.$Z" SRV "0 33 8080 10-9-0-2.byhand.$Z. 0 33 8080 one.byhand.$Z."
	is "_metrics._tcp.byhand.$Z" SRV "0 50 9090 10-9-0-2.byhand.$Z. 0 50 9090 one.byhand.$Z."
	nxdomain "_web._udp.byhand.$Z" SRV
	run asked "_web._tcp.byhand.$Z" SRV
	[[ $output == *"ADDITIONAL SECTION"*"10.9.0.1"* ]]
}

@test "2.4.3: PTR of a headless service's endpoints" {
	is 1.0.9.10.in-addr.arpa PTR "one.byhand.$Z."
	is "$(ip6_arpa fd09::1)" PTR "one.byhand.$Z."
	status 3.0.9.10.in-addr.arpa PTR NXDOMAIN # not ready: no cluster's name, and the node's server knows none
}

@test "2.4: hostname and subdomain of pods; publishNotReadyAddresses" {
	ip=$(k -n spec get pod ready -o 'jsonpath={.status.podIP}')
	ip6=$(k -n spec get pod ready -o 'jsonpath={.status.podIPs[1].ip}')
	is "ready.set.$Z" A "$ip"
	is "set.$Z" A "$ip"
	is "ready.set.$Z" AAAA "$ip6"
	nxdomain "unready.set.$Z" A
	unready=$(k -n spec get pod unready -o 'jsonpath={.status.podIP}')
	is "unready.early.$Z" A "$unready"
	[ "$(k -n spec exec ready -- hostname -f)" = "ready.set.$Z" ]
	[[ $(k -n spec exec ready -- nslookup "ready.set.$Z") == *"$ip"* ]]
}

@test "2.5: external names, also of other clusters' services, in chains, and in a ring" {
	is "out.$Z" A "192.0.2.1 www.example.test."
	is "out.$Z" CNAME www.example.test.
	is "alias.$Z" A "192.0.2.1 more.example.test. www.example.test."
	is "inside.$Z" A "10.96.7.1 plain.$Z."
	is "chain.$Z" A "10.96.7.1 inside.$Z. plain.$Z."
	status "ring.$Z" A SERVFAIL
}

@test "2.6: names that say a pod's address" {
	is 10-1-2-3.spec.pod.cluster.local A 10.1.2.3
	is fd00--1.spec.pod.cluster.local AAAA fd00::1
	nodata 10-1-2-3.spec.pod.cluster.local AAAA
	nxdomain 10-1-2-3.nowhere.pod.cluster.local A
	nxdomain 10-1-2-300.spec.pod.cluster.local A
}

@test "the zone itself: SOA, NS, and what is only a way to names" {
	[[ $(ask cluster.local SOA) == "ns.dns.cluster.local. hostmaster.cluster.local. "* ]]
	is cluster.local NS ns.dns.cluster.local.
	is ns.dns.cluster.local A 10.96.0.10
	nodata svc.cluster.local A
	nodata $Z A
	nxdomain other.cluster.local A
	run asked "plain.$Z" A
	[[ $output == *"flags: qr aa rd ra"* ]]
}

@test "types: unknown ones, ANY, obsolete ones; classes" {
	nodata "plain.$Z" TYPE65
	nodata "plain.$Z" TYPE65280
	nodata "plain.$Z" MX
	run asked +notcp "both.$Z" ANY
	[[ $output == *"status: NOERROR"*"10.96.7.2"* ]]
	run asked -c CH version.bind TXT
	[[ $output == *"status: REFUSED"* ]]
	run asked -c ANY "plain.$Z" A
	[[ $output == *"status: REFUSED"* ]]
}

@test "EDNS, the size of datagrams, TCP: a service of many endpoints" {
	run asked +noedns +ignore "many.$Z" A
	[[ $output == *"flags: qr aa tc"* && $output != *"OPT PSEUDOSECTION"* ]]
	run asked +bufsize=1232 +ignore "many.$Z" A
	[[ $output == *"flags: qr aa tc"*"udp: 1232"* ]]
	run asked +bufsize=4096 +ignore "many.$Z" A
	[[ $output == *"flags: qr aa rd"*"ANSWER: 100,"* ]]
	run asked +tcp "many.$Z" A
	[[ $output == *"ANSWER: 100,"* ]]
	run asked "many.$Z" A # dig asks again over TCP
	[[ $output == *"ANSWER: 100,"* ]]
	[ "$(host $H dig @10.96.0.10 +tcp +keepopen +short "plain.$Z" A "both.$Z" AAAA | sort | tr '\n' ' ')" = "10.96.7.1 fd00:96::72 " ]
	run asked +ednsopt=10:0011223344556677 "plain.$Z" A
	[[ $output == *"status: NOERROR"*"10.96.7.1"* ]]
}

@test "questions: none or several are a mistake, a reply is never answered" {
	host $H python3 - <<-'P'
		import socket, struct
		s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		s.settimeout(5)
		name = b"\5plain\4spec\3svc\7cluster\5local\0" + struct.pack(">HH", 1, 1)
		def ask(count, body, flags=0x100):
		    s.sendto(struct.pack(">HHHHHH", 77, flags, count, 0, 0, 0) + body, ("10.96.0.10", 53))
		def rcode():
		    return s.recv(4096)[3] & 15
		for count, body in ((0, b""), (2, name + name), (1, b"\x3f"), (1, name[:-1])):
		    ask(count, body)
		    assert rcode() == 1, (count, body)
		ask(1, name, 0x8100) # a reply: what comes next is the answer to the next
		ask(1, name)
		assert rcode() == 0
	P
}

@test "several addresses take turns in being the first" {
	firsts=$(for _ in $(seq 8); do host $H dig @10.96.0.10 +short "byhand.$Z" A | head -n 1; done | sort -u | wc -l)
	[ "$firsts" = 2 ]
}

@test "what is counted has CoreDNS' names and labels" {
	k get --raw /api/v1/nodes/node1/proxy/metrics >"$BATS_TEST_TMPDIR/metrics"
	for line in 'coredns_dns_requests_total{server="dns://:53",zone=".",view="",proto="udp",family="1",type="A"}' \
		'coredns_dns_requests_total{server="dns://:53",zone=".",view="",proto="tcp",family="1",type="A"}' \
		'coredns_dns_responses_total{server="dns://:53",zone=".",view="",rcode="NXDOMAIN",plugin="kubernetes"}' \
		'coredns_dns_request_duration_seconds_bucket{server="dns://:53",zone=".",view="",le="+Inf"}' \
		'coredns_dns_request_size_bytes_count{server="dns://:53",zone=".",view="",proto="udp"}' \
		'coredns_dns_response_size_bytes_count{server="dns://:53",zone=".",view="",proto="udp"}' \
		'coredns_cache_entries{server="dns://:53",type="success",zones=".",view=""}' \
		'coredns_cache_hits_total{server="dns://:53",type="success",zones=".",view=""}' 'coredns_forward_requests_total '; do
		grep -qF "$line" "$BATS_TEST_TMPDIR/metrics" || { echo "$line"; grep coredns_ "$BATS_TEST_TMPDIR/metrics"; return 1; }
	done
}
