#!/usr/bin/env bats
# Who may do what, at the API server alone: every way to authenticate, tokens, acting as somebody else, the audit log.

load ../../lib/wait

setup_file() {
	export SERVER="${KNARR_SERVER:-$BATS_TEST_DIRNAME/../../../build/bin/knarr-server}"
	export DIR="$(mktemp -d /tmp/knarr-test-auth.XXXXXX)"
	printf 'static-token,carol,7,"readers,writers"\n' >"$DIR/tokens"
	cat >"$DIR/policy" <<-YAML
	apiVersion: audit.k8s.io/v1
	kind: Policy
	omitStages: [RequestReceived]
	rules:
	- {level: None, nonResourceURLs: ["/readyz*", /version]}
	- {level: RequestResponse, omitManagedFields: true, resources: [{group: "", resources: [configmaps]}], namespaces: [default]}
	- {level: Metadata, resources: [{group: "", resources: [secrets, serviceaccounts/token]}]}
	- {level: Request, verbs: [create]}
	YAML
	"$SERVER" --data-dir "$DIR" --bind-address 127.0.0.1 --secure-port 0 --scheduler=none \
		--controllers=clusterrole-aggregation-controller,serviceaccount-token-controller,serviceaccount-controller \
		--token-auth-file "$DIR/tokens" --audit-policy-file "$DIR/policy" --audit-log-path "$DIR/audit.log" \
		>"$DIR/port" 2>"$DIR/log" 3>&- &
	echo $! >"$DIR/pid"
	eventually 60 test -s "$DIR/port"
	export PORT="$(cat "$DIR/port")" KUBECONFIG="$DIR/admin.conf"
}

teardown_file() {
	end_process "$(cat "$DIR/pid")"
	rm -rf "$DIR"
}

# anyone PATH [curl arguments]: without a certificate
anyone() {
	local path=$1
	shift
	curl -s --cacert "$DIR/pki/ca.crt" "$@" "https://127.0.0.1:$PORT$path"
}

bearer() { anyone "$2" -H "Authorization: Bearer $1" "${@:3}"; }

# whoami TOKEN JQ
whoami() {
	bearer "$1" /apis/authentication.k8s.io/v1/selfsubjectreviews -X POST -H 'content-type: application/json' -d '{}' | jq -r "$2"
}

@test "a token file, bad tokens, anonymous" {
	[ "$(whoami static-token '.status.userInfo | .username + " " + .uid + " " + (.groups | join(","))')" = \
		"carol 7 readers,writers,system:authenticated" ]
	[ "$(bearer nonsense /api -o /dev/null -w '%{http_code}')" = 401 ]
	[[ "$(anyone /api/v1/pods)" == *'User \"system:anonymous\" cannot list resource \"pods\"'* ]]
	[ "$(kubectl auth whoami -o 'jsonpath={.status.userInfo.extra.authentication\.kubernetes\.io/credential-id[0]}')" = \
		"X509SHA256=$(openssl x509 -in "$DIR/pki/admin.crt" -outform DER | sha256sum | cut -d' ' -f1)" ]
}

@test "a certificate of nobody's CA, and one that is over: 401, not nobody; a token beside it counts" {
	openssl req -x509 -newkey rsa:2048 -nodes -subj "/CN=mallory/O=system:masters" -keyout "$DIR/own.key" -out "$DIR/own.crt" 2>/dev/null
	local own=(--cert "$DIR/own.crt" --key "$DIR/own.key")
	[ "$(anyone /version "${own[@]}" | jq -r '"\(.code) \(.reason) \(.message)"')" = "401 Unauthorized Unauthorized" ]
	[ "$(anyone /version -o /dev/null -w '%{http_code}')" = 200 ]
	[ "$(bearer static-token /api "${own[@]}" -o /dev/null -w '%{http_code}')" = 200 ]
	run kubectl --kubeconfig /dev/null --server "https://127.0.0.1:$PORT" --certificate-authority "$DIR/pki/ca.crt" \
		--client-certificate "$DIR/own.crt" --client-key "$DIR/own.key" get pods
	[ "$status" -ne 0 ] && [[ "$output" == *"You must be logged in to the server"* ]]
	openssl req -new -key "$DIR/own.key" -subj "/CN=mallory/O=system:masters" -out "$DIR/own.csr"
	openssl x509 -req -in "$DIR/own.csr" -CA "$DIR/pki/ca.crt" -CAkey "$DIR/pki/ca.key" -CAcreateserial -days -1 -out "$DIR/own.crt" 2>/dev/null
	[ "$(anyone /version "${own[@]}" -o /dev/null -w '%{http_code}')" = 401 ]
}

@test "a token of a service account: claims, use, end with the account" {
	kubectl create serviceaccount robot
	kubectl create secret generic holder
	token=$(kubectl create token robot --duration 20m)
	[ "$(whoami "$token" .status.userInfo.username)" = system:serviceaccount:default:robot ]
	claims=$(cut -d. -f2 <<<"$token" | tr _- /+ | base64 -d 2>/dev/null || true)
	[ "$(jq -r '.exp - .iat' <<<"$claims")" = 1200 ]
	[ "$(jq -r .iss <<<"$claims")" = https://kubernetes.default.svc.cluster.local ]
	bound=$(kubectl create token robot --bound-object-kind Secret --bound-object-name holder)
	[ "$(whoami "$bound" .status.userInfo.username)" = system:serviceaccount:default:robot ]
	run kubectl create token robot --bound-object-kind Secret --bound-object-name none
	[[ $output == *'secrets "none" not found'* ]]
	run kubectl create token robot --bound-object-kind Secret --bound-object-name holder --bound-object-uid 1
	[[ $output == *"the UID in the bound object reference (1) does not match"* ]]
	kubectl delete serviceaccount robot
	fresh=$(cut -c1-40 <<<"$token")
	[ "$(bearer "$fresh" /api -o /dev/null -w '%{http_code}')" = 401 ]
	run kubectl create token robot
	[[ $output == *'serviceaccounts "robot" not found'* ]]
	kubectl delete secret holder
}

@test "the issuer's keys verify a token" {
	kubectl create serviceaccount signed
	token=$(kubectl create token signed)
	kid=$(cut -d. -f1 <<<"$token" | tr _- /+ | base64 -d 2>/dev/null | jq -r .kid || true)
	kubectl get --raw /.well-known/openid-configuration | jq -e '.id_token_signing_alg_values_supported == ["RS256"]'
	kubectl get --raw /openid/v1/jwks | jq -e --arg kid "$kid" '.keys[] | select(.kid == $kid and .kty == "RSA")'
	[ "$(anyone /openid/v1/jwks -o /dev/null -w '%{http_code}')" = 403 ]
	input=$(cut -d. -f1-2 <<<"$token" | tr -d '\n')
	cut -d. -f3 <<<"$token" | tr _- /+ | sed 's/$/==/' | base64 -d >"$DIR/signature" 2>/dev/null || true
	printf %s "$input" | openssl dgst -sha256 -verify "$DIR/pki/sa.pub" -signature "$DIR/signature"
}

@test "a secret that asks for a token gets one, and goes with its account" {
	kubectl create serviceaccount old
	kubectl apply -f - <<-YAML
	apiVersion: v1
	kind: Secret
	metadata: {name: old-token, annotations: {kubernetes.io/service-account.name: old}}
	type: kubernetes.io/service-account-token
	YAML
	filled() { [ -n "$(kubectl get secret old-token -o 'jsonpath={.data.token}')" ]; }
	eventually 60 filled
	token=$(kubectl get secret old-token -o 'jsonpath={.data.token}' | base64 -d)
	[ "$(kubectl get secret old-token -o 'jsonpath={.data.namespace}' | base64 -d)" = default ]
	[ "$(whoami "$token" .status.userInfo.username)" = system:serviceaccount:default:old ]
	kubectl delete serviceaccount old
	gone() { ! kubectl get secret old-token; }
	eventually 60 gone
}

@test "a bootstrap token" {
	kubectl -n kube-system create secret generic bootstrap-token-abcdef --type bootstrap.kubernetes.io/token \
		--from-literal=token-id=abcdef --from-literal=token-secret=0123456789abcdef \
		--from-literal=usage-bootstrap-authentication=true --from-literal=auth-extra-groups=system:bootstrappers:x
	[ "$(whoami abcdef.0123456789abcdef '.status.userInfo | .username + " " + (.groups | join(","))')" = \
		"system:bootstrap:abcdef system:bootstrappers,system:bootstrappers:x,system:authenticated" ]
	[ "$(bearer abcdef.0123456789abcdee /api -o /dev/null -w '%{http_code}')" = 401 ]
}

@test "a proxy names the user, others may not" {
	proxied() {
		anyone /apis/authentication.k8s.io/v1/selfsubjectreviews -X POST -H 'content-type: application/json' -d '{}' \
			-H 'X-Remote-User: dave' -H 'X-Remote-Group: ops' -H 'X-Remote-Extra-Acme.io%2fTeam: blue' "$@"
	}
	run proxied --cert "$DIR/pki/front-proxy-client.crt" --key "$DIR/pki/front-proxy-client.key"
	[ "$(jq -r '.status.userInfo.username' <<<"$output")" = dave ]
	[ "$(jq -r '.status.userInfo.groups | join(",")' <<<"$output")" = ops,system:authenticated ]
	[ "$(jq -r '.status.userInfo.extra["acme.io/team"][0]' <<<"$output")" = blue ]
	# Not with a client's certificate; a proxy's is none of a client.
	run proxied --cert "$DIR/pki/admin.crt" --key "$DIR/pki/admin.key"
	[ "$(jq -r '.status.userInfo.username' <<<"$output")" = kubernetes-admin ]
	[ "$(anyone /api --cert "$DIR/pki/front-proxy-client.crt" --key "$DIR/pki/front-proxy-client.key" -o /dev/null -w '%{http_code}')" = 401 ]
}

@test "acting as somebody else" {
	[ "$(kubectl auth whoami --as jane --as-group dev -o 'jsonpath={.status.userInfo.groups}')" = '["dev","system:authenticated"]' ]
	run bearer static-token /api/v1/namespaces/default/configmaps -H 'Impersonate-User: jane'
	[[ $output == *'User \"carol\" cannot impersonate-on:user-info:list resource \"configmaps\"'* ]]
	kubectl create clusterrole acts --verb impersonate --resource users --resource-name jane
	kubectl create clusterrolebinding acts --clusterrole acts --user carol
	run bearer static-token /api/v1/namespaces/default/configmaps -H 'Impersonate-User: jane'
	[[ $output == *'User \"jane\" cannot list resource \"configmaps\"'* ]]
	run bearer static-token /api/v1/namespaces/default/configmaps -H 'Impersonate-User: jane' -H 'Impersonate-Group: system:masters'
	[[ $output == *'User \"carol\" cannot impersonate-on:user-info:list'* ]]
	kubectl delete clusterrole/acts clusterrolebinding/acts
}

@test "an aggregated role holds the rules that its selectors choose" {
	kubectl create clusterrole part --verb get --resource pods
	kubectl label clusterrole part into=whole
	kubectl create clusterrole whole --aggregation-rule into=whole
	has() { [ "$(kubectl get clusterrole whole -o 'jsonpath={.rules[*].resources[*]}')" = "$1" ]; }
	eventually 60 has pods
	kubectl label clusterrole part into-
	eventually 60 has ""
	[ -n "$(kubectl get clusterrole view -o 'jsonpath={.rules}')" ]
	kubectl delete clusterrole part whole
}

@test "the audit log tells as much as the policy says" {
	kubectl create configmap told --from-literal=k=v
	kubectl create secret generic hidden --from-literal=p=s3cr3t
	kubectl get --raw /version >/dev/null
	bearer nonsense /api/v1/namespaces/default/configmaps/told -H 'Audit-Id: nobody' >/dev/null
	run bearer static-token /api/v1/namespaces/default/configmaps/told -H 'Audit-Id: my-own-id' -D -
	[[ $output == *"audit-id: my-own-id"* ]]
	seen() { grep -q my-own-id "$DIR/audit.log"; }
	eventually 60 seen
	event() { jq -c "select($1)" "$DIR/audit.log"; }
	e=$(event '.verb == "create" and .objectRef.name == "told"')
	[ "$(jq -r '.level + " " + .stage + " " + .user.username + " " + (.responseStatus.code | tostring)' <<<"$e")" = \
		"RequestResponse ResponseComplete kubernetes-admin 201" ]
	[ "$(jq -r '.requestObject.data.k + .responseObject.data.k' <<<"$e")" = vv ]
	[ "$(jq -r '.responseObject.metadata.managedFields' <<<"$e")" = null ]
	[ "$(jq -r '.annotations["authorization.k8s.io/decision"]' <<<"$e")" = allow ]
	e=$(event '.objectRef.name == "hidden"')
	[ "$(jq -r .level <<<"$e")" = Metadata ]
	[[ $e != *s3cr3t* && $e != *requestObject* ]]
	e=$(event '.auditID == "my-own-id"')
	[ "$(jq -r '.user.username + " " + (.responseStatus.code | tostring) + " " + .annotations["authorization.k8s.io/decision"]' <<<"$e")" = "carol 403 forbid" ]
	[ "$(event '.auditID == "nobody"' | jq -r '.stage + " " + (.responseStatus.code | tostring) + " " + (.user | tostring)')" = \
		"ResponseStarted 401 {}" ]
	[ -z "$(event '.requestURI == "/version"')" ]
	[ -z "$(event '.stage == "RequestReceived"')" ]
	[ "$(stat -c %a "$DIR/audit.log")" = 600 ]
	kubectl get --raw /metrics | grep -x 'apiserver_audit_error_total{plugin="log"} 0'
}
