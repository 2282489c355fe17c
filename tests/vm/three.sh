# One of three machines on a link: mounts its disk and waits for commands, which three.bats sends. They are mostly functions
# of this file; a command fails when any of its own does.
# shellcheck shell=sh
# shellcheck source=tests/vm/checks.sh
. /vm/checks.sh

export KUBECONFIG=/etc/kubernetes/admin.conf
k() { kubectl --request-timeout=120s "$@"; }

# begin NUMBER: the machine's name and address, and what an earlier life has left on its disk.
begin() {
	hostname "node$1"
	mount -t ext4 /dev/vdb /mnt
	for d in /var/lib/knarr /var/lib/kubelet /etc/kubernetes /etc/cni /var/lib/cni /var/log; do
		mkdir -p $d "/mnt$d"
		mount --bind "/mnt$d" $d
	done
	mkdir -p /run/netns /etc/cni/net.d
	echo 0 >/proc/sys/net/ipv6/conf/eth0/accept_dad
	ip link set eth0 up
	ip addr add "$(v4 "$1")/24" dev eth0
	ip addr add "$(v6 "$1")/64" dev eth0
	for net in 192.168.78.0/24 192.168.79.0/24 fd78::/64 fd79::/64; do
		ip route add "$net" dev eth0 2>/dev/null || : # that of its own address is there
	done
	ip route add default via "$(v4 "$1" | cut -d. -f1-3).1"
}
# Addresses of a node. node3 is on networks of its own, so that the others are no neighbours to it.
v4() { [ "$1" = 3 ] && echo 192.168.79.13 || echo "192.168.78.1$1"; }
v6() { [ "$1" = 3 ] && echo fd79::13 || echo "fd78::1$1"; }
flags() {
	n=$(hostname | tr -dc 0-9)
	echo "--no-systemd --node-name=node$n --timeout=200 --node-ip=$(v4 "$n"),$(v6 "$n")
		--cluster-cidr=10.244.0.0/16,fd00:244::/48 --service-cluster-ip-range=10.96.0.0/16,fd00:96::/112"
}
# shellcheck disable=SC2046 # several words
up() { knarr up $(flags); }
image() { knarr image ls | grep -q knarr-demo || knarr image import /vm/demo.tar; }

ready() { same "$(k get nodes -o 'jsonpath={range .items[*]}{.metadata.name}={.status.conditions[?(@.type=="Ready")].status} {end}')" "$1"; }
all_ready() { eventually 200 ready "node1=True node2=True node3=True "; }
ranges() {
	same "$(k get nodes -o 'jsonpath={.items[*].spec.podCIDRs[*]}' | tr ' ' '\n' | sort -u | wc -l)" 6
}
# By which links other nodes' pods are reached: those of IPv4, those of IPv6.
ways() {
	for f in 4 6; do
		ip -$f route | grep '^\(10\.244\|fd00:244\).* via ' | sed 's/.* dev \([^ ]*\).*/\1/' | sort | tr '\n' ' '
	done
}
are_ways() { same "$(ways)" "$1"; }
has_ways() { eventually 100 are_ways "$1"; }

ip_of() { k get pod "$1" -o 'jsonpath={.status.podIP}'; }
# Lines "POD ADDRESS URL" of at-node1 to 3, for each family.
at_pods() {
	k get pods -l app=at -o json | jq -r '.items | sort_by(.metadata.name)[] | .metadata.name as $n | .status.podIPs[].ip |
		"\($n) \(.) http://\(if contains(":") then "[\(.)]" else . end):8080/cgi-bin/index.cgi"'
}
# The names of the Deployment's pods that are not on their way out, and where they are.
web() { k get pods -l app=web -o json | jq -r '.items[] | select(.metadata.deletionTimestamp == null) | "'"$1"'"' | sort; }
runs() {
	k apply -f /vm/three.yaml
	k rollout status deployment/web --timeout=200s
	k wait pod/at-node1 pod/at-node2 pod/at-node3 --for=condition=Ready --timeout=200s
	same "$(web '\(.spec.nodeName)' | tr '\n' ' ')" "node1 node2 node3 "
}
# Each to each: who answers is asked whose address it sees, and that is the pod's, in both families.
pod_to_pod() {
	at_pods >/tmp/pods
	same "$(wc -l </tmp/pods)" 6
	urls=$(cut -d' ' -f3 /tmp/pods | tr '\n' ' ')
	for from in at-node1 at-node2 at-node3; do
		read -r four six <<-X
			$(sed -n "s/^$from \([^ ]*\) .*/\1/p" /tmp/pods | tr '\n' ' ')
		X
		while read -r to there _; do
			case $there in *:*) echo "$to $six" ;; *) echo "$to $four" ;; esac
		done </tmp/pods >/tmp/wanted
		k exec $from -- sh -c "for u in $urls; do timeout 5 wget -qO - \$u; done" >/tmp/got
		same "$(cat /tmp/got)" "$(cat /tmp/wanted)"
	done
	same "$(grep -v '\[' /tmp/pods | cut -d. -f3 | sort -u | wc -l)" 3
}
# Who may: at-node1 to all of them, nobody else to any; at-node2 moreover to nobody but at-node1.
police() {
	k label pod at-node1 may=yes
	k apply -f - <<-'Y'
		apiVersion: networking.k8s.io/v1
		kind: NetworkPolicy
		metadata: {name: deny}
		spec: {podSelector: {matchLabels: {app: at}}}
		---
		apiVersion: networking.k8s.io/v1
		kind: NetworkPolicy
		metadata: {name: may}
		spec:
		  podSelector: {matchLabels: {app: at}}
		  ingress: [{from: [{podSelector: {matchLabels: {may: "yes"}}}], ports: [{port: http}]}]
		---
		apiVersion: networking.k8s.io/v1
		kind: NetworkPolicy
		metadata: {name: out}
		spec:
		  podSelector: {matchExpressions: [{key: app, operator: In, values: [at]}, {key: may, operator: DoesNotExist}]}
		  policyTypes: [Egress]
		  egress: [{to: [{podSelector: {matchLabels: {may: "yes"}}}]}]
	Y
}
# Ten tries of five seconds. reaches FROM: what it reaches of at-node1 to 3 and of the service, in that order, each "open" or "shut"
reaches() {
	urls="$(cut -d' ' -f3 /tmp/pods | tr '\n' ' ') http://web/cgi-bin/index.cgi"
	k exec "$1" -- sh -c "i=0; for u in $urls; do
			i=\$((i + 1)); (timeout 5 wget -qO /dev/null \$u 2>/dev/null && echo \$i open || echo \$i shut) &
		done; wait" | sort -n | cut -d' ' -f2 | tr '\n' ' '
}
obeys() { same "$(reaches "$1")" "$2"; }
policed() {
	at_pods >/tmp/pods
	eventually 1 obeys at-node1 "open open open open open open open "
	eventually 1 obeys at-node2 "shut shut open open shut shut shut "
	eventually 1 obeys at-node3 "shut shut shut shut open open shut "
	has "$(curl -fsS --max-time 5 "http://$(ip_of at-node1):8080/cgi-bin/index.cgi" </dev/null)" "at-node1 " # its node
	has "$(k exec at-node2 -- nslookup web.default.svc.cluster.local)" "$(cluster_ip)"
	k wait pod/at-node1 pod/at-node2 pod/at-node3 --for=condition=Ready --timeout=100s # probes come from nodes
}
free() { k delete networkpolicy --all; }
# answers URL: every pod of the Deployment answers there sooner or later (a connection for each request), and nobody else.
answers() {
	: >/tmp/answers
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		curl -fsS --max-time 30 -H 'Connection: close' "$1/cgi-bin/index.cgi?[1-6]" </dev/null >>/tmp/answers
		[ "$(cut -d' ' -f1 /tmp/answers | sort -u | wc -l)" != "$(wc -l </tmp/web)" ] || break
	done
	same "$(cut -d' ' -f1 /tmp/answers | sort -u)" "$(cat /tmp/web)"
}
cluster_ip() { k get service web -o 'jsonpath={.spec.clusterIP}'; }
node_ports() { for n in $1; do answers "http://$(v4 "$n"):30080"; done; }
# By its name, from a pod of each node, to each of its pods, and they see the asking pod's address.
service_from_pods() {
	for n in $1; do
		k exec "at-node$n" -- sh -c 'for i in $(seq 60); do
			timeout 30 wget -qO - http://web/cgi-bin/index.cgi >>/tmp/a || exit 1
			[ "$(cut -d" " -f1 /tmp/a | sort -u | wc -l)" -lt 3 ] || break
		done; cat /tmp/a' >/tmp/answers
		same "$(cut -d' ' -f1 /tmp/answers | sort -u)" "$(cat /tmp/web)"
		same "$(cut -d' ' -f2 /tmp/answers | sort -u)" "$(ip_of "at-node$n")"
	done
}
resolves() {
	for n in 1 2 3; do
		has "$(k exec at-node$n -- nslookup web.default.svc.cluster.local)" "$(cluster_ip)"
		has "$(k exec at-node$n -- cat /etc/resolv.conf)" "nameserver 10.96.0.10"
	done
}
streams() {
	for n in 1 2 3; do
		same "$(k logs at-node$n)" "here is at-node$n"
		same "$(echo in | k exec -i at-node$n -- sh -c 'cat; hostname')" "in
at-node$n"
	done
}

# --- a node that is away --------------------------------------------------------------------------------------------------

unknown() { eventually 200 ready "node1=True node2=True node3=Unknown "; }
container() { k get pod "$1" -o 'jsonpath={.status.containerStatuses[0].containerID}'; }
# Its pods of the Deployment go, others take their place and answer alone; the pod that stays is not ready.
replaced() {
	eventually 200 sh -c '[ -n "$(kubectl get pods -o json | jq -r ".items[] | select(.spec.nodeName == \"node3\" and .metadata.deletionTimestamp) | .metadata.name")" ]'
	k rollout status deployment/web --timeout=200s
	web '\(.spec.nodeName)' >/tmp/where
	same "$(wc -l </tmp/where) $(grep -c node3 /tmp/where || true)" "3 0"
	has "$(k get node node3 -o 'jsonpath={.spec.taints[*].key}')" node.kubernetes.io/unreachable
	same "$(k get pod at-node3 -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}')" False
	container at-node3 >/tmp/container
	web '\(.metadata.name)' >/tmp/web
	answers "http://$(cluster_ip)"
	answers http://192.168.78.12:30080
}
# Back again: its pods run in new containers, and what was to go has gone.
returned() {
	all_ready
	k wait pod/at-node3 --for=condition=Ready --timeout=200s
	fails same "$(container at-node3)" "$(cat /tmp/container)"
	eventually 200 sh -c '[ "$(kubectl get pods -l app=web --no-headers | wc -l)" = 3 ]'
	same "$(k get node node3 -o 'jsonpath={.spec.taints}')" ""
}

# --- the server away --------------------------------------------------------------------------------------------------------

URL=https://192.168.78.11:6443/api/v1/namespaces/default/configmaps
admin() { tar -C /etc/kubernetes/pki -cz ca.crt admin.crt admin.key | base64 | tr -d '\n'; }
tls() { printf 'cacert=/tmp/ca.crt\ncert=/tmp/admin.crt\nkey=/tmp/admin.key\nsilent\nmax-time=120\n'; }
# As power.sh does it: three clients, each on one connection, create and delete; /tmp/acked tells what was acknowledged.
requests() {
	for i in $(seq 2000); do
		name=w-$1-$i
		[ $((i % 5)) = 0 ] && name=$name-x
		tls
		printf 'url=%s\nheader="Content-Type: application/json"\ndata="{\\"metadata\\":{\\"name\\":\\"%s\\"}}"\nnext\n' $URL "$name"
		if [ $((i % 5)) = 0 ]; then
			tls
			printf 'url=%s/%s\nrequest=DELETE\nnext\n' $URL "$name"
		fi
	done
	tls
	echo "url=https://192.168.78.11:6443/readyz"
}
# writes ADMIN: begins to, with the administrator's certificate.
writes() {
	echo "$1" | base64 -d | tar -C /tmp -xz
	: >/tmp/acked
	for c in 1 2 3; do
		requests $c >/tmp/requests.$c
		(curl -N -K /tmp/requests.$c 2>/dev/null & echo $! >/tmp/writer.$c) |
			jq -r --unbuffered 'if .kind == "ConfigMap" then "acked \(.metadata.name) \(.metadata.resourceVersion)"
				elif .status == "Success" then "deleted \(.details.name)" else "refused \(.message)" end' >>/tmp/acked &
	done
}
written() { eventually 200 sh -c "[ \$(wc -l </tmp/acked) -gt $1 ]"; }
# shellcheck disable=SC2046 # several words
stop_writes() { kill $(cat /tmp/writer.*); }
# Nothing that was acknowledged is lost, nothing that was deleted is back, and the revision has not gone back.
kept() {
	tls | curl -f -K - $URL >/tmp/present.json
	jq -r '.items[].metadata.name' </tmp/present.json | sort >/tmp/present
	sed -n 's/^acked \([^ ]*\) .*/\1/p' /tmp/acked | grep -v -- '-x$' | sort >/tmp/must
	sed -n 's/^deleted //p' /tmp/acked | sort >/tmp/gone
	[ "$(wc -l </tmp/must)" -gt 10 ]
	same "$(grep -c refused /tmp/acked || true)" 0
	same "$(grep -vxF -f /tmp/present /tmp/must || true)" ""
	same "$(grep -xF -f /tmp/present /tmp/gone || true)" ""
	[ "$(jq -r .metadata.resourceVersion </tmp/present.json)" -ge "$(sed -n 's/^acked [^ ]* //p' /tmp/acked | sort -n | tail -n 1)" ]
}
# The processes of the pods on this node.
processes() { pidof httpd | tr ' ' '\n' | sort | tr '\n' ' '; }
# alone ADDRESS NAME CLUSTER-IP: what works on a node without the server.
alone() {
	has "$(curl -fsS --max-time 30 "http://$1:8080/cgi-bin/index.cgi" </dev/null)" "$2 "
	has "$(nslookup web.default.svc.cluster.local 10.96.0.10)" "$3"
}
# What must be the same before and after: nodes and their transitions, the pods of the nodes that were not away.
undisturbed() {
	k get nodes -o json | jq -r '.items[] | select(.metadata.name != "node1") | .metadata.name, .metadata.uid, (.status.conditions[] | "\(.type) \(.status) \(.lastTransitionTime)")'
	k get pods -o json | jq -r '.items[] | select(.spec.nodeName != "node1") | "\(.metadata.name) \(.metadata.uid) \(.status.phase) \(.status.podIP) \(.status.containerStatuses[0] | "\(.ready) \(.restartCount)")"'
}
# Its own pods run again, in new containers.
server_returned() {
	all_ready
	k wait pod/at-node1 --for=condition=Ready --timeout=200s
	k rollout status deployment/web --timeout=200s
	web '\(.metadata.name)' >/tmp/web
	[ "$(wc -l </tmp/web)" = 3 ]
}

echo "listening $(cut -d' ' -f1 /proc/uptime)" >/dev/console
while read -r id command; do
	(set -e; eval "$command") >/tmp/output 2>&1 </dev/null
	status=$?
	cat /tmp/output
	[ -z "$(tail -c 1 /tmp/output)" ] || echo
	echo "vm-done $id $status"
done </dev/ttyS1
