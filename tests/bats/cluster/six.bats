#!/usr/bin/env bats
# A node whose first address is of IPv6: server, agent and pods are reached there, and by IPv4 too.

load ../../lib/host
load ../../lib/two_families

setup_file() { two_families_up six fd77::2,192.168.77.2 fd00:244::/48,10.244.0.0/16 fd00:96::/112,10.96.0.0/16; }
teardown_file() { two_families_down; }

@test "kubeconfigs and the node name the IPv6 address first" {
	host $H grep -q 'https://\[fd77::2\]:6443' /etc/kubernetes/admin.conf
	host $H grep -q 'https://\[fd77::2\]:6443' /etc/kubernetes/agent.conf
	[ "$(get node node1 '{.status.addresses[?(@.type=="InternalIP")].address}')" = "fd77::2 192.168.77.2" ]
	[[ $(get service kubernetes '{.spec.clusterIP}') == fd00:96::* ]]
}

@test "the agent answers at both addresses, with a certificate for both" {
	for address in '[fd77::2]' 192.168.77.2; do
		run host $H curl -sS --max-time 30 --cacert /etc/kubernetes/pki/ca.crt "https://$address:10250/healthz"
		[ "$status" -eq 0 ]
		[ "$output" = Unauthorized ]
	done
}

@test "a pod's first address is of the node's first family, and it knows the node's" {
	kc apply -f - <<-'YAML'
		apiVersion: v1
		kind: Pod
		metadata: {name: web}
		spec:
		  containers:
		  - name: web
		    image: knarr-demo:1
		    command: [sh, -c, "echo \"$HOST $HOSTS\" >/tmp/hosts; exec httpd -f -p 80 -h /www"]
		    env:
		    - {name: HOST, valueFrom: {fieldRef: {fieldPath: status.hostIP}}}
		    - {name: HOSTS, valueFrom: {fieldRef: {fieldPath: status.hostIPs}}}
		---
		apiVersion: v1
		kind: Pod
		metadata: {name: onhost}
		spec:
		  hostNetwork: true
		  containers: [{name: c, image: "knarr-demo:1", command: [sleep, "100000"]}]
	YAML
	kc wait --for=condition=Ready pod/web pod/onhost --timeout=60s
	read -r v6 v4 <<<"$(get pod web '{.status.podIPs[*].ip}')"
	[[ $v4 == 10.244.* && $v6 == fd00:244:* ]]
	[ "$(get pod web '{.status.podIP}')" = "$v6" ]
	[ "$(get pod web '{.status.hostIP} {.status.hostIPs[*].ip}')" = "fd77::2 fd77::2 192.168.77.2" ]
	[ "$(get pod onhost '{.status.podIPs[*].ip}')" = "fd77::2 192.168.77.2" ]
	# exec and logs go to the agent by its first address.
	[ "$(kc exec web -- cat /tmp/hosts)" = "fd77::2 fd77::2,192.168.77.2" ]
	kc logs web
	host $H curl -fsS --max-time 30 "http://[$v6]/cgi-bin/index.cgi" | grep -q 'hello from web'
	host $H curl -fsS --max-time 30 "http://$v4/cgi-bin/index.cgi" | grep -q 'hello from web'
}

@test "backup, status and down find the server there" {
	host $H "$BIN/knarr" status
	host $H "$BIN/knarr" backup /var/backup.db
	host $H test -s /var/backup.db
	host $H "$BIN/knarr" down
}
