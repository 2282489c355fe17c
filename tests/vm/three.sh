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
	ip addr add "192.168.78.1$1/24" dev eth0
	ip link set eth0 up
	ip route add default via 192.168.78.1
}
up() { knarr up --no-systemd --node-name="$(hostname)" --timeout=200; }
image() { knarr image ls | grep -q knarr-demo || knarr image import /vm/demo.tar; }

ready() { same "$(k get nodes -o 'jsonpath={range .items[*]}{.metadata.name}={.status.conditions[?(@.type=="Ready")].status} {end}')" "$1"; }
all_ready() { eventually 200 ready "node1=True node2=True node3=True "; }
ranges() {
	same "$(k get nodes -o 'jsonpath={.items[*].spec.podCIDR}' | tr ' ' '\n' | sort -u | wc -l)" 3
}


ip_of() { k get pod "$1" -o 'jsonpath={.status.podIP}'; }
# The names of the Deployment's pods that are not on their way out, and where they are.
web() { k get pods -l app=web -o json | jq -r '.items[] | select(.metadata.deletionTimestamp == null) | "'"$1"'"' | sort; }
runs() {
	k apply -f /vm/three.yaml
	k rollout status deployment/web --timeout=200s
	k wait pod/at-node1 pod/at-node2 pod/at-node3 --for=condition=Ready --timeout=200s
	same "$(web '\(.spec.nodeName)' | tr '\n' ' ')" "node1 node2 node3 "
}
# Each to each: who answers is asked whose address it sees, and that is the pod's.
pod_to_pod() {
	for to in node1 node2 node3; do echo "at-$to $(ip_of at-$to)"; done >/tmp/pods
	while read -r from address; do
		while read -r to there; do echo "$to $address http://$there:8080/cgi-bin/index.cgi"; done </tmp/pods >/tmp/wanted
		k exec "$from" -- sh -c "for u in $(cut -d' ' -f3 /tmp/wanted | tr '\n' ' '); do timeout 30 wget -qO - \$u; done" >/tmp/got
		same "$(cat /tmp/got)" "$(cut -d' ' -f1,2 /tmp/wanted)"
	done </tmp/pods
	same "$(cut -d. -f3 /tmp/pods | sort -u | wc -l)" 3
}
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
node_ports() { for n in $1; do answers "http://192.168.78.1$n:30080"; done; }
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
