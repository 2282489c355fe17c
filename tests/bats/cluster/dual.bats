#!/usr/bin/env bats
# A node with both address families: its pods have an address of each, which answer; services get what their policy says.

load ../../lib/host
load ../../lib/two_families

setup_file() { two_families_up dual 192.168.77.2,fd77::2 10.244.0.0/16,fd00:244::/48 10.96.0.0/16,fd00:96::/112; }
teardown_file() { two_families_down; }

@test "the node has a range and an address of each family" {
	[[ $(get node node1 '{.spec.podCIDRs}') == '["10.244.'*'/24","fd00:244:'*'/64"]' ]]
	[ "$(get node node1 '{.status.addresses[?(@.type=="InternalIP")].address}')" = "192.168.77.2 fd77::2" ]
	[ "$(host $H cat /proc/sys/net/ipv6/conf/all/forwarding)" = 1 ]
	[ "$(get servicecidr kubernetes '{.spec.cidrs}')" = '["10.96.0.0/16","fd00:96::/112"]' ]
	[ "$(get service kubernetes '{.spec.clusterIPs}')" = '["10.96.0.1"]' ]
}

@test "a pod has both addresses, knows them and answers at both" {
	kc apply -f - <<-'YAML'
		apiVersion: v1
		kind: Pod
		metadata: {name: web, labels: {app: web}}
		spec:
		  containers:
		  - name: web
		    image: knarr-demo:1
		    command: [sh, -c, "echo \"$IPS\" >/tmp/ips; exec httpd -f -p 80 -h /www"]
		    env: [{name: IPS, valueFrom: {fieldRef: {fieldPath: status.podIPs}}}]
	YAML
	kc wait --for=condition=Ready pod/web --timeout=60s
	read -r v4 v6 <<<"$(get pod web '{.status.podIPs[*].ip}')"
	[[ $v4 == 10.244.* && $v6 == fd00:244:* ]]
	[ "$(kc exec web -- cat /tmp/ips)" = "$v4,$v6" ]
	host $H curl -fsS --max-time 30 "http://$v4/cgi-bin/index.cgi" | grep -q 'hello from web'
	host $H curl -fsS --max-time 30 "http://[$v6]/cgi-bin/index.cgi" | grep -q 'hello from web'
}

slices() { [ "$(kc get endpointslices -l kubernetes.io/service-name=web -o 'jsonpath={range .items[*]}{.addressType}{end}')" = "$1" ]; }

both_slices() { slices IPv4IPv6 || slices IPv6IPv4; }

@test "a service of both families has two addresses and slices of both, and gives the second one back" {
	kc apply -f - <<-'YAML'
		apiVersion: v1
		kind: Service
		metadata: {name: web}
		spec:
		  ipFamilyPolicy: PreferDualStack
		  selector: {app: web}
		  ports: [{port: 80}]
	YAML
	[ "$(get service web '{.spec.ipFamilies}')" = '["IPv4","IPv6"]' ]
	read -r v4 v6 <<<"$(get service web '{.spec.clusterIPs[*]}')"
	[[ $v4 == 10.96.* && $v6 == fd00:96::* ]]
	[ "$(get ip "$v6" '{.spec.parentRef.name}')" = web ]
	eventually 60 both_slices
	kc patch service web --type merge -p '{"spec":{"ipFamilyPolicy":"SingleStack"}}'
	[ "$(get service web '{.spec.clusterIPs}')" = "[\"$v4\"]" ]
	run kc get ip "$v6"
	[[ $output == *NotFound* ]]
	eventually 60 slices IPv4
}
