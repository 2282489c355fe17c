# A server whose data is on a disk of its own (/dev/vdb). Says what is there ("revision N", "present NAME"), then has three
# clients create and delete objects and says what was acknowledged ("acked NAME REVISION", "deleted NAME") until the power goes.
# shellcheck shell=sh
D=/var/lib/knarr
boot=$(cut -c 1-8 /proc/sys/kernel/random/boot_id)
mkdir -p $D
mount -t ext4 /dev/vdb $D || exit 1
knarr-server --data-dir $D --bind-address 127.0.0.1 --secure-port 6443 --controllers=none --scheduler=none >/tmp/server.log 2>&1 &
server=$!
URL=https://127.0.0.1:6443/api/v1/namespaces/default/configmaps
tls() { printf 'cacert=%s/pki/ca.crt\ncert=%s/pki/admin.crt\nkey=%s/pki/admin.key\nsilent\n' $D $D $D; }

tries=4000
until tls | curl -K - -f -o /dev/null https://127.0.0.1:6443/readyz 2>/dev/null; do
	tries=$((tries - 1))
	{ [ $tries -gt 0 ] && kill -0 $server; } || { echo "no server"; cat /tmp/server.log; exit 1; }
	sleep 0.05
done
tls | curl -K - "$URL" | jq -r '"revision \(.metadata.resourceVersion)", (.items[] | "present \(.metadata.name)")'
echo "ca $(sha256sum <$D/pki/ca.crt | cut -c 1-16)"
echo listed

# One connection for all requests of a client; every fifth object, named "...-x", is deleted right away.
requests() {
	i=0
	while [ $i -lt 300 ]; do
		i=$((i + 1))
		name=$boot-$1-$i
		[ $((i % 5)) = 0 ] && name=$name-x
		tls
		printf 'url=%s\nheader="Content-Type: application/json"\ndata="{\\"metadata\\":{\\"name\\":\\"%s\\"},\\"data\\":{\\"k\\":\\"%s\\"}}"\nnext\n' $URL "$name" "$name"
		if [ $((i % 5)) = 0 ]; then
			tls
			printf 'url=%s/%s\nrequest=DELETE\nnext\n' $URL "$name"
		fi
	done
	tls
	echo "url=https://127.0.0.1:6443/readyz"
}
for c in 1 2 3; do requests $c >/tmp/requests.$c; done
echo writing
for c in 1 2 3; do
	curl -N -K /tmp/requests.$c | jq -r --unbuffered 'if .kind == "ConfigMap" then "acked \(.metadata.name) \(.metadata.resourceVersion)"
		elif .status == "Success" then "deleted \(.details.name)" else "refused \(.message)" end' &
done
wait
echo "not cut"
