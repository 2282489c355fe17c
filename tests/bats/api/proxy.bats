#!/usr/bin/env bats
# The proxy subresources of pods, services and nodes: a server and what stands behind it in a network namespace of their own,
# where the pods' address is one of loopback's. Driven by curl and kubectl.
bats_require_minimum_version 1.5.0

IP=10.77.0.1
CORE=/api/v1/namespaces/default

# Everything runs in the namespace that the first process made.
in_ns() { nsenter --net="/proc/$(cat "$DIR/ns.pid")/ns/net" "$@"; }
# behind FILE CMD...: as in_ns, in the background; FILE gets the process, which holds nothing of the test runner's.
behind() {
	local file=$1
	shift
	nsenter --net="/proc/$(cat "$DIR/ns.pid")/ns/net" "$@" 3>&- 4>&- &
	echo $! >"$file"
}

load ../../lib/wait

setup_file() {
	export SERVER="${KNARR_SERVER:-$BATS_TEST_DIRNAME/../../../build/bin/knarr-server}"
	export DIR="$(mktemp -d /tmp/knarr-test-proxy.XXXXXX)"
	export KUBECONFIG="$DIR/admin.conf"
	unshare --net sleep infinity 3>&- 4>&- &
	echo $! >"$DIR/ns.pid"
	eventually 60 own_network "$(cat "$DIR/ns.pid")"
	in_ns ip link set lo up
	in_ns ip address add $IP/32 dev lo
	in_ns ip -6 address add fd00:77::1/128 dev lo nodad || true
	behind "$DIR/server.pid" "$SERVER" --data-dir "$DIR" --bind-address 127.0.0.1 --secure-port 6443 --controllers=none \
		--scheduler=none >"$DIR/port" 2>>"$DIR/log"
	eventually 60 in_ns curl -sfk --max-time 10 https://127.0.0.1:6443/readyz
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=x -keyout "$DIR/x.key" -out "$DIR/x.crt" 2>/dev/null
	behind "$DIR/behind.pid" python3 "$BATS_TEST_DIRNAME/proxied_server.py" $IP 8080 >/dev/null 2>>"$DIR/behind.log"
	behind "$DIR/behind-tls.pid" python3 "$BATS_TEST_DIRNAME/proxied_server.py" $IP 8443 "$DIR/x.crt" "$DIR/x.key" >/dev/null 2>>"$DIR/behind.log"
	eventually 60 in_ns curl -s --max-time 10 "http://$IP:8080/"
	eventually 60 in_ns curl -sk --max-time 10 "https://$IP:8443/"
	objects | in_ns kubectl apply --server-side -f -
	api PATCH "$CORE/pods/web/status" -H 'Content-Type: application/merge-patch+json' \
		-d "{\"status\":{\"phase\":\"Running\",\"podIP\":\"$IP\",\"podIPs\":[{\"ip\":\"$IP\"}]}}" >/dev/null
	api PATCH "$CORE/pods/own/status" -H 'Content-Type: application/merge-patch+json' \
		-d '{"status":{"phase":"Running","podIP":"127.0.0.1","podIPs":[{"ip":"127.0.0.1"}]}}' >/dev/null
	api PATCH /api/v1/nodes/n1/status -H 'Content-Type: application/merge-patch+json' \
		-d "{\"status\":{\"addresses\":[{\"type\":\"InternalIP\",\"address\":\"$IP\"}]}}" >/dev/null
}

objects() {
	cat <<-Y
	apiVersion: v1
	kind: Pod
	metadata: {name: web}
	spec: {containers: [{name: c, image: x, ports: [{containerPort: 8080, name: http}, {containerPort: 8443, name: tls}]}]}
	---
	apiVersion: v1
	kind: Pod
	metadata: {name: own}
	spec: {containers: [{name: c, image: x}]}
	---
	apiVersion: v1
	kind: Service
	metadata: {name: web}
	spec: {ports: [{name: http, port: 80, targetPort: 8080}, {name: tls, port: 443, targetPort: 8443}]}
	---
	apiVersion: v1
	kind: Service
	metadata: {name: nobody}
	spec: {ports: [{port: 80}]}
	---
	apiVersion: discovery.k8s.io/v1
	kind: EndpointSlice
	metadata: {name: web-1, labels: {kubernetes.io/service-name: web}}
	addressType: IPv4
	ports: [{name: http, port: 8080}, {name: tls, port: 8443}]
	endpoints:
	- {addresses: [$IP], targetRef: {kind: Pod, name: web, namespace: default}}
	- {addresses: [10.77.0.9], targetRef: {kind: Pod, name: web, namespace: default}}
	- {addresses: [10.77.0.8]}
	---
	apiVersion: v1
	kind: Node
	metadata: {name: n1}
	Y
}

teardown_file() {
	for p in server behind behind-tls ns; do
		end_process "$(cat "$DIR/$p.pid")"
	done
	rm -rf "$DIR"
}

api() { # METHOD PATH [curl arguments]
	local method=$1 path=$2
	shift 2
	in_ns curl -s --max-time 60 --cacert "$DIR/pki/ca.crt" --cert "$DIR/pki/admin.crt" --key "$DIR/pki/admin.key" -X "$method" "$@" \
		"https://127.0.0.1:6443$path"
}

@test "methods, paths, queries and bodies arrive as they were sent" {
	for m in GET POST PUT PATCH DELETE OPTIONS; do
		body=$(api $m "$CORE/services/web:http/proxy/a%20b//c/?x=1&y=%2F" -d "body of $m")
		[ "$(jq -r .method <<<"$body")" = $m ]
		[ "$(jq -r .path <<<"$body")" = '/a%20b//c/?x=1&y=%2F' ]
		[ "$(jq -r .body <<<"$body")" = "body of $m" ]
	done
	[ "$(api HEAD "$CORE/pods/web/proxy/x" -I -o /dev/null -w '%{http_code}')" = 200 ]
}

@test "what a client shows of itself stays here, what it says goes on" {
	run -0 api GET "$CORE/pods/web/proxy/" -H 'Authorization: Bearer secret' -H 'X-Remote-User: root' -H 'X-Own: yes' \
		-H 'Impersonate-User: kubernetes-super-admin' -H 'Impersonate-Group: system:masters'
	[ "$(jq -r '.headers.authorization // .headers["x-remote-user"] // .headers["impersonate-user"] // "none"' <<<"$output")" = none ]
	[ "$(jq -r '.headers["x-own"]' <<<"$output")" = yes ]
	[ "$(jq -r '.headers["x-forwarded-for"]' <<<"$output")" = 127.0.0.1 ]
	[ "$(jq -r '.headers["x-forwarded-uri"]' <<<"$output")" = "$CORE/pods/web/proxy/" ]
	[ "$(jq -r '.headers.host' <<<"$output")" = 127.0.0.1:6443 ]
}

@test "names and ports of pods" {
	for name in web web:8080 web:http http:web:8080 https:web:8443 https:web:tls; do
		[ "$(api GET "$CORE/pods/$name/proxy/x" | jq -r .path)" = /x ]
	done
	[ "$(api GET "$CORE/pods/ftp:web:1/proxy/" | jq -r '[.code, .message] | join(" ")')" = '400 invalid pod request "ftp:web:1"' ]
	[ "$(api GET "$CORE/pods/own:6443/proxy/" | jq -r '[.code, .reason, .message] | join(" ")')" = '400 BadRequest address not allowed' ]
	[ "$(api GET "$CORE/pods/absent/proxy/" | jq -r .message)" = 'pods "absent" not found' ]
	run -0 api GET "$CORE/pods/web:9/proxy/" -w '\n%{http_code} %{content_type}'
	[ "${lines[0]}" = "error trying to reach service: dial tcp $IP:9: connect: connection refused" ]
	[ "${lines[1]}" = '503 text/plain; charset=utf-8' ]
}

@test "a service leads to a pod that stands behind it, and to nothing else" {
	for name in web:80 web:http http:web:80 https:web:443 https:web:tls; do
		for _ in 1 2 3 4; do [ "$(api GET "$CORE/services/$name/proxy/x" | jq -r .path)" = /x ]; done
	done
	[ "$(api GET "$CORE/services/nobody/proxy/" | jq -r '[.code, .reason, .message] | join(" ")')" = '503 ServiceUnavailable no endpoints available for service "nobody"' ]
	[ "$(api GET "$CORE/services/web:81/proxy/" | jq -r '[.code, .message] | join(" ")')" = '503 no service port 81 found for service "web"' ]
	[ "$(api GET "$CORE/services/web:nope/proxy/" | jq -r .message)" = 'no endpoints available for service "web:nope"' ]
	[ "$(api GET "$CORE/services/absent/proxy/" | jq -r .message)" = 'services "absent" not found' ]
	[ "$(api GET "$CORE/services/a:b:c:d/proxy/" | jq -r .message)" = 'invalid service request "a:b:c:d"' ]
}

@test "another port of a node, without this server's certificate" {
	[ "$(api GET /api/v1/nodes/n1:8080/proxy/x | jq -r .path)" = /x ]
	[ "$(api GET /api/v1/nodes/https:n1:8443/proxy/x | jq -r .path)" = /x ]
	[[ "$(api GET /api/v1/nodes/n1/proxy/pods)" == "error trying to reach service: dial tcp $IP:10250: connect: connection refused" ]]
	[ "$(api GET /api/v1/nodes/absent/proxy/ | jq -r .message)" = 'nodes "absent" not found' ]
}

@test "links and redirects lead through the proxy" {
	p=$CORE/services/web:http/proxy
	want="<html><a href=\"$p/next\">n</a><a href=\"http://example.com/x\">e</a><script src=$p/s.js></script></html>"
	[ "$(api GET $p/page)" = "$want" ]
	[ "$(api GET $p/page.gz)" = "$want" ]
	[ "$(api GET $p/moved -o /dev/null -w '%{http_code}' -D "$DIR/headers")" = 302 ]
	grep -qix "location: $p/next?x=/y"$'\r' "$DIR/headers"
	[ "$(grep -ci '^set-cookie:' "$DIR/headers")" -eq 2 ]
	run ! grep -qi '^access-control-allow-origin' "$DIR/headers"
	[ "$(api GET "$p?q=1" -o /dev/null -w '%{http_code}' -D "$DIR/headers")" = 301 ]
	grep -qix "location: $p/?q=1"$'\r' "$DIR/headers"
	[ "$(api POST "$p" | jq -r .path)" = / ]
}

@test "answers of any size and status pass" {
	[ "$(api GET "$CORE/pods/web/proxy/big" | wc -c)" -eq 5000000 ]
	run -0 api GET "$CORE/pods/web/proxy/teapot" -w '\n%{http_code} %{content_type}'
	[ "${lines[0]}" = 'short and stout' ]
	[ "${lines[1]}" = '418 text/plain' ]
}

# The server's memory may not grow by much while CMD runs.
bounded() { # CMD...
	local pid before
	pid=$(cat "$DIR/server.pid")
	echo 5 >"/proc/$pid/clear_refs" # VmHWM begins anew
	before=$(awk '/VmRSS/ { print $2 }' "/proc/$pid/status")
	"$@"
	awk -v before="$before" '/VmHWM/ { grown = $2 - before } END { print "grown by " grown " KiB"; exit grown > 49152 }' "/proc/$pid/status"
}

upload() { # CURL-ARGUMENTS...: 200 MB arrive, through a service and a pod by TLS
	local place
	for place in services/web:http pods/https:web:tls; do
		[ "$(api PUT "$CORE/$place/proxy/sink" --max-time 300 -T "$DIR/large" "$@" | jq -r .bytes)" -eq 209715200 ]
	done
}

@test "uploads stream, whatever their size" {
	truncate -s 200M "$DIR/large"
	bounded upload --http1.1
	bounded upload --http2
	bounded upload --http1.1 -H 'Transfer-Encoding: chunked'
	bounded upload --http2 -H 'Content-Length:'
	# What is announced is announced there, too.
	[ "$(api PUT "$CORE/pods/web/proxy/sink" -T "$DIR/large" --max-time 300 | jq -r .length)" -eq 209715200 ]
	[ "$(api POST "$CORE/pods/web/proxy/sink" --http2 -H 'Transfer-Encoding: chunked' -d x | jq -r .bytes)" -eq 1 ]
	# A client that waits for leave to send gets it.
	api PUT "$CORE/pods/web/proxy/sink" --http1.1 -T "$DIR/large" --max-time 300 --expect100-timeout 100 -v -o /dev/null 2>"$DIR/verbose"
	grep -q '^< HTTP/1.1 100 Continue' "$DIR/verbose"
	# Other bodies have their bound.
	[ "$(api POST "$CORE/configmaps" -T "$DIR/large" -H 'Content-Type: application/json' -o /dev/null -w '%{http_code}')" -eq 413 ]
}

stalled() {
	local version
	for version in http1.1 http2; do
		nsenter --net="/proc/$(cat "$DIR/ns.pid")/ns/net" curl -s --max-time 200 --cacert "$DIR/pki/ca.crt" \
			--cert "$DIR/pki/admin.crt" --key "$DIR/pki/admin.key" --$version -T "$DIR/large" "https://127.0.0.1:6443$CORE/pods/web/proxy/stall" >"$DIR/$version" 3>&- 4>&- &
		echo $! >"$DIR/$version.pid"
	done
	eventually 60 has_stalled
	[ "$(api GET "$CORE/pods/web/proxy/x" | jq -r .path)" = /x ] # others go on
	api GET "$CORE/pods/web/proxy/release" >/dev/null
	wait "$(cat "$DIR/http1.1.pid")" "$(cat "$DIR/http2.pid")"
	[ "$(jq -r .bytes "$DIR/http1.1" "$DIR/http2" | sort -u)" -eq 209715200 ]
}
has_stalled() { [ "$(api GET "$CORE/pods/web/proxy/seen" | jq .stalled)" -eq 2 ]; }

@test "a server that does not read holds the client up, a client the server" {
	truncate -s 200M "$DIR/large"
	bounded stalled
	bounded in_ns timeout 120 python3 - "$CORE/pods/web/proxy" "$DIR" <<-'P'
	import http.client, json, ssl, sys, time
	path, d = sys.argv[1:]
	tls = ssl.create_default_context(cafile=d + "/pki/ca.crt")
	tls.load_cert_chain(d + "/pki/admin.crt", d + "/pki/admin.key")
	def ask(where):
	    c = http.client.HTTPSConnection("127.0.0.1", 6443, context=tls, timeout=60)
	    c.request("GET", path + where)
	    return c.getresponse()
	flood, before, same = ask("/flood"), 0, 0
	while same < 10: # until the server behind can send no more
	    sent = json.load(ask("/seen"))["sent"]
	    same = same + 1 if sent and sent == before else 0
	    before = sent
	    time.sleep(0.05)
	assert before < 100 << 20, before
	got = 0
	while piece := flood.read(1 << 20):
	    got += len(piece)
	assert got == 200 << 20, got
	P
}

@test "an early answer, a server that dies, a client that gives up" {
	truncate -s 200M "$DIR/large"
	mkfifo "$DIR/fifo"
	# curl 7.88 has the whole answer, but minds being told to stop (92) in HTTP/2.
	for version in http1.1 http2; do
		run api PUT "$CORE/pods/web/proxy/early" --$version -T "$DIR/large" -w '\n%{http_code}'
		echo "$version: $status $output"
		[ "${lines[0]} ${lines[1]}" = 'enough 413' ]
		run api PUT "$CORE/pods/web/proxy/die" --$version -T "$DIR/large" -w '\n%{http_code}'
		[[ "${lines[0]}" == "error trying to reach service: "* ]]
		[ "${lines[1]}" = 503 ]
		before=$(api GET "$CORE/pods/web/proxy/seen" | jq .broken)
		nsenter --net="/proc/$(cat "$DIR/ns.pid")/ns/net" curl -s --max-time 200 --cacert "$DIR/pki/ca.crt" \
			--cert "$DIR/pki/admin.crt" --key "$DIR/pki/admin.key" --$version -T - "https://127.0.0.1:6443$CORE/pods/web/proxy/sink" <"$DIR/fifo" 3>&- 4>&- &
		pid=$!
		exec 9>"$DIR/fifo"
		head -c 1000000 /dev/zero >&9
		eventually 60 uploading
		kill $pid
		exec 9>&-
		eventually 60 gave_up "$before"
	done
	[ "$(api PUT "$CORE/pods/web:9/proxy/x" -T "$DIR/large" -o /dev/null -w '%{http_code}')" = 503 ]
	[ "$(api PUT "$CORE/pods/absent/proxy/x" -T "$DIR/large" -o /dev/null -w '%{http_code}')" = 404 ]
}
gave_up() { [ "$(api GET "$CORE/pods/web/proxy/seen" | jq .broken)" -gt "$1" ]; }
uploading() { in_ns ss -Htn state established dst "$IP" dport = :8080 | grep -q .; }

@test "other protocols go through both ways" {
	for place in pods/web services/web:http pods/https:web:tls; do
		run -0 in_ns python3 - "$CORE/$place/proxy/switch" "$DIR" <<-'P'
		import socket, ssl, sys
		path, d = sys.argv[1:]
		c = ssl.create_default_context(cafile=d + "/pki/ca.crt")
		c.load_cert_chain(d + "/pki/admin.crt", d + "/pki/admin.key")
		s = c.wrap_socket(socket.create_connection(("127.0.0.1", 6443), 60), server_hostname="127.0.0.1")
		s.sendall(("GET %s HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: shout\r\n\r\n" % path).encode())
		head = b""
		while b"\r\n\r\n" not in head:
		    head += s.recv(1)
		assert head.startswith(b"HTTP/1.1 101"), head
		for text in (b"hello", b"x" * 300000):
		    s.sendall(text)
		    got = b""
		    while len(got) < len(text):
		        got += s.recv(65536)
		    assert got == text.upper()
		P
	done
}

@test "only who may" {
	in_ns kubectl create serviceaccount guest --dry-run=client -o yaml | in_ns kubectl apply -f -
	run -0 api GET "$CORE/pods/web/proxy/x" -H 'Impersonate-User: guest'
	[ "$(jq -r '[.code, .message] | join(" ")' <<<"$output")" = '403 pods "web" is forbidden: User "guest" cannot get resource "pods/proxy" in API group "" in the namespace "default"' ]
	run -0 api POST "/api/v1/nodes/n1/proxy/run" -H 'Impersonate-User: guest'
	[ "$(jq -r .message <<<"$output")" = 'nodes "n1" is forbidden: User "guest" cannot create resource "nodes/proxy" in API group "" at the cluster scope' ]
}

@test "kubectl get --raw and kubectl proxy" {
	[ "$(in_ns kubectl get --raw "$CORE/services/web:http/proxy/x?y=z" | jq -r .path)" = '/x?y=z' ]
	behind "$DIR/kubectl.pid" kubectl proxy --port=8001 >"$DIR/kubectl"
	eventually 60 in_ns curl -s --max-time 10 http://127.0.0.1:8001/version
	got=$(in_ns curl -sL --max-time 60 "http://127.0.0.1:8001$CORE/services/web:http/proxy" | jq -r .path)
	kill "$(cat "$DIR/kubectl.pid")"
	[ "$got" = / ]
}
