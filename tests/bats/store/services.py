"""services.py PKI PORT PORT: services created through two servers at once, more than there are addresses. No address and no
port twice; what does not fit is refused with 422; all addresses are used."""
import http.client
import json
import ssl
import sys
import threading

pki, ports = sys.argv[1], sys.argv[2:]
answers = []


def work(port, who):
    ctx = ssl.create_default_context(cafile=pki + '/ca.crt')
    ctx.load_cert_chain(pki + '/admin.crt', pki + '/admin.key')
    conn = http.client.HTTPSConnection('127.0.0.1', int(port), context=ctx)
    for n in range(3):
        body = {'metadata': {'name': 's%s-%d-%d' % (port, who, n), 'labels': {'made': 'here'}}, 'spec': {'type': 'NodePort', 'ports': [{'port': 80}]}}
        conn.request('POST', '/api/v1/namespaces/default/services', json.dumps(body), {'Content-Type': 'application/json'})
        r = conn.getresponse()
        answers.append((r.status, json.loads(r.read())))


threads = [threading.Thread(target=work, args=(p, i)) for p in ports for i in range(4)]
for t in threads:
    t.start()
for t in threads:
    t.join()
made = [a['spec'] for s, a in answers if s == 201]
refused = [a['message'] for s, a in answers if s != 201]
assert len(answers) == 24, len(answers)
assert len(made) == 13, (len(made), refused)  # 14 addresses, one is the kubernetes service's
assert len({m['clusterIP'] for m in made}) == 13, made
assert len({m['ports'][0]['nodePort'] for m in made}) == 13, made
assert all('range is full' in m for m in refused), refused
print('%d services, %d refused' % (len(made), len(refused)))
