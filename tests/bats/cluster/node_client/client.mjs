// Drives a cluster through @kubernetes/client-node: typed create, read, update, delete of several kinds, lists by pages, watches
// that resume, every kind of patch, server-side apply, exec, attach, port-forward, logs, definitions, errors.
import assert from 'node:assert/strict';
import net from 'node:net';
import { PassThrough, Writable } from 'node:stream';
import * as k8s from '@kubernetes/client-node';

const NS = 'node-client';
const config = new k8s.KubeConfig();
config.loadFromFile('/etc/kubernetes/admin.conf');
const core = config.makeApiClient(k8s.CoreV1Api);
const apps = config.makeApiClient(k8s.AppsV1Api);
const batch = config.makeApiClient(k8s.BatchV1Api);
const rbac = config.makeApiClient(k8s.RbacAuthorizationV1Api);
const extensions = config.makeApiClient(k8s.ApiextensionsV1Api);
const custom = config.makeApiClient(k8s.CustomObjectsApi);
const objects = k8s.KubernetesObjectApi.makeApiClient(config);

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
async function eventually(what, seconds, condition) {
  const until = Date.now() + seconds * 1000;
  for (;;) {
    const value = await condition();
    if (value) return value;
    assert.ok(Date.now() < until, `not in ${seconds} s: ${what}`);
    await sleep(100);
  }
}
const within = (what, seconds, promise) =>
  Promise.race([promise, sleep(seconds * 1000).then(() => assert.fail(`not in ${seconds} s: ${what}`))]);

class Sink extends Writable {
  text = '';
  _write(piece, encoding, done) {
    this.text += piece;
    done();
  }
}

// The Status that a call is refused with.
async function refused(code, reason, call) {
  try {
    await call;
  } catch (e) {
    assert.equal(e.code, code, String(e.body ?? e));
    const status = typeof e.body === 'string' ? JSON.parse(e.body) : e.body;
    assert.equal(status.kind, 'Status');
    assert.equal(status.reason, reason);
    assert.equal(status.code, code);
    return status;
  }
  assert.fail(`no ${code} ${reason}`);
}

async function crud() {
  await core.createNamespace({ body: { metadata: { name: NS } } });
  const made = await core.createNamespacedConfigMap({ namespace: NS, body: { metadata: { name: 'c' }, data: { k: 'v' } } });
  assert.ok(made.metadata.creationTimestamp instanceof Date);
  assert.equal(made.metadata.managedFields[0].operation, 'Update');
  made.data.k = 'w';
  const replaced = await core.replaceNamespacedConfigMap({ name: 'c', namespace: NS, body: made });
  assert.deepEqual(replaced.data, { k: 'w' });
  await core.createNamespacedSecret({ namespace: NS, body: { metadata: { name: 's' }, stringData: { p: 'q' } } });
  const secret = await core.readNamespacedSecret({ name: 's', namespace: NS });
  assert.equal(Buffer.from(secret.data.p, 'base64').toString(), 'q');
  assert.equal(secret.type, 'Opaque');
  const service = await core.createNamespacedService({
    namespace: NS,
    body: { metadata: { name: 'svc' }, spec: { selector: { app: 'web' }, ports: [{ port: 80, targetPort: 8080 }] } },
  });
  assert.match(service.spec.clusterIP, /^\d+\.\d+\.\d+\.\d+$/);
  assert.equal(service.spec.ports[0].protocol, 'TCP');
  await rbac.createNamespacedRole({
    namespace: NS,
    body: { metadata: { name: 'r' }, rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }] },
  });
  assert.deepEqual((await rbac.readNamespacedRole({ name: 'r', namespace: NS })).rules[0].verbs, ['get']);
  const cron = await batch.createNamespacedCronJob({
    namespace: NS,
    body: {
      metadata: { name: 'cron' },
      spec: {
        schedule: '@yearly',
        jobTemplate: { spec: { template: { spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'i' }] } } } },
      },
    },
  });
  assert.equal(cron.spec.concurrencyPolicy, 'Allow');
  const dry = await core.createNamespacedConfigMap({ namespace: NS, dryRun: 'All', body: { metadata: { generateName: 'dry-' } } });
  assert.match(dry.metadata.name, /^dry-[a-z0-9]{5}$/);
  await refused(404, 'NotFound', core.readNamespacedConfigMap({ name: dry.metadata.name, namespace: NS }));
}

async function errors() {
  const old = await core.readNamespacedConfigMap({ name: 'c', namespace: NS });
  await core.replaceNamespacedConfigMap({ name: 'c', namespace: NS, body: { ...old, data: { k: 'x' } } });
  await refused(409, 'Conflict', core.replaceNamespacedConfigMap({ name: 'c', namespace: NS, body: { ...old, data: { k: 'y' } } }));
  const exists = await refused(409, 'AlreadyExists', core.createNamespacedConfigMap({ namespace: NS, body: { metadata: { name: 'c' } } }));
  assert.deepEqual([exists.details.kind, exists.details.name], ['configmaps', 'c']);
  const invalid = await refused(422, 'Invalid', core.createNamespacedService({ namespace: NS, body: { metadata: { name: 'No' }, spec: {} } }));
  assert.ok(invalid.details.causes.some((c) => c.field === 'metadata.name' && c.reason === 'FieldValueInvalid'));
  await refused(404, 'NotFound', core.createNamespacedConfigMap({ namespace: 'nowhere', body: { metadata: { name: 'c' } } }));
  await refused(
    400,
    'BadRequest',
    core.createNamespacedConfigMap({ namespace: NS, fieldValidation: 'Strict', body: { metadata: { name: 'd' }, data: { k: 1 } } }),
  );
}

async function pages() {
  for (let i = 0; i < 7; i++)
    await core.createNamespacedConfigMap({ namespace: NS, body: { metadata: { name: `page${i}`, labels: { page: i % 2 ? 'odd' : 'even' } } } });
  const names = [];
  let token, revision;
  for (let n = 0; n < 9; n++) {
    const page = await core.listNamespacedConfigMap({ namespace: NS, limit: 2, _continue: token, labelSelector: 'page' });
    assert.ok(page.items.length <= 2);
    revision ??= page.metadata.resourceVersion;
    assert.equal(page.metadata.resourceVersion, revision);
    names.push(...page.items.map((c) => c.metadata.name));
    token = page.metadata._continue;
    if (!token) break;
    await core.createNamespacedConfigMap({ namespace: NS, body: { metadata: { name: `page9${n}`, labels: { page: 'late' } } } });
  }
  assert.deepEqual(names, ['page0', 'page1', 'page2', 'page3', 'page4', 'page5', 'page6']);
  const even = await core.listNamespacedConfigMap({ namespace: NS, labelSelector: 'page in (even)' });
  assert.equal(even.items.length, 4);
  const one = await core.listNamespacedConfigMap({ namespace: NS, fieldSelector: 'metadata.name=page3' });
  assert.deepEqual(one.items.map((c) => c.metadata.name), ['page3']);
  await core.deleteCollectionNamespacedConfigMap({ namespace: NS, labelSelector: 'page' });
  assert.equal((await core.listNamespacedConfigMap({ namespace: NS, labelSelector: 'page' })).items.length, 0);
}

// Events from a revision on until as many have come; the watch is given up then.
async function events(revision, n, more = {}) {
  const seen = [];
  const watch = new k8s.Watch(config);
  let abort;
  await within(
    `${n} events`,
    20,
    new Promise((done, fail) => {
      watch
        .watch(
          `/api/v1/namespaces/${NS}/configmaps`,
          { resourceVersion: revision, labelSelector: 'watched', ...more },
          (type, object) => {
            seen.push([type, object.metadata?.name ?? object.reason, object.metadata?.resourceVersion]);
            if (seen.length === n) done();
          },
          (e) => (seen.length < n ? fail(e ?? new Error('the watch ended')) : undefined),
        )
        .then((a) => (abort = a), fail);
    }),
  );
  abort?.abort();
  return seen;
}

async function watches() {
  const labels = { watched: 'yes' };
  const start = (await core.listNamespacedConfigMap({ namespace: NS })).metadata.resourceVersion;
  const first = events(start, 2);
  const made = await core.createNamespacedConfigMap({ namespace: NS, body: { metadata: { name: 'w', labels } } });
  await core.replaceNamespacedConfigMap({ name: 'w', namespace: NS, body: { ...made, data: { a: 'b' } } });
  const before = await first;
  assert.deepEqual(before.map((e) => e[0]), ['ADDED', 'MODIFIED']);
  // What happens while nobody watches comes when the watch goes on from the last revision, once.
  await core.createNamespacedConfigMap({ namespace: NS, body: { metadata: { name: 'w2', labels } } });
  await core.deleteNamespacedConfigMap({ name: 'w', namespace: NS });
  const after = await events(before[1][2], 2);
  assert.deepEqual(after.map((e) => e.slice(0, 2)), [['ADDED', 'w2'], ['DELETED', 'w']]);
  const gone = await events('1', 1).catch((e) => e);
  assert.ok(Array.isArray(gone) ? gone[0][0] === 'ERROR' || gone[0][0] === 'ADDED' : gone.statusCode === 410, gone);
}

async function informer() {
  const heard = [];
  const i = k8s.makeInformer(config, `/api/v1/namespaces/${NS}/configmaps`, () => core.listNamespacedConfigMap({ namespace: NS }));
  for (const verb of ['add', 'update', 'delete']) i.on(verb, (o) => heard.push(`${verb} ${o.metadata.name}`));
  i.on('error', (e) => heard.push(`error ${e}`));
  await i.start();
  await core.createNamespacedConfigMap({ namespace: NS, body: { metadata: { name: 'informed' } } });
  await eventually('the informer has it', 10, () => i.get('informed', NS));
  await core.deleteNamespacedConfigMap({ name: 'informed', namespace: NS });
  await eventually('the informer misses it', 10, () => !i.get('informed', NS));
  assert.ok(heard.includes('add informed') && heard.includes('delete informed') && !heard.some((h) => h.startsWith('error')), heard.join());
  await i.stop();
}

async function patches() {
  const typed = (type) => k8s.setHeaderOptions('Content-Type', type);
  const target = { name: 'd', namespace: NS };
  const container = { name: 'a', image: 'knarr-demo:1' };
  const labels = { app: 'patched' };
  await apps.createNamespacedDeployment({
    namespace: NS,
    body: { metadata: { name: 'd' }, spec: { replicas: 0, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers: [container] } } } },
  });
  let d = await apps.patchNamespacedDeployment({ ...target, body: [{ op: 'add', path: '/metadata/annotations', value: { by: 'json' } }] }, typed(k8s.PatchStrategy.JsonPatch));
  assert.equal(d.metadata.annotations.by, 'json');
  d = await apps.patchNamespacedDeployment({ ...target, body: { metadata: { annotations: { by: null, other: 'merge' } } } }, typed(k8s.PatchStrategy.MergePatch));
  assert.deepEqual(d.metadata.annotations.other, 'merge');
  assert.equal(d.metadata.annotations.by, undefined);
  const strategic = { spec: { template: { spec: { containers: [{ name: 'b', image: 'x' }] } } } };
  d = await apps.patchNamespacedDeployment({ ...target, body: strategic }, typed(k8s.PatchStrategy.StrategicMergePatch));
  assert.deepEqual(d.spec.template.spec.containers.map((c) => c.name).sort(), ['a', 'b']);
  await refused(422, 'Invalid', apps.patchNamespacedDeployment({ ...target, body: [{ op: 'test', path: '/spec/replicas', value: 7 }] }, typed(k8s.PatchStrategy.JsonPatch)));
  const applied = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'applied', namespace: NS }, data: { one: '1' } };
  let c = await objects.patch(applied, undefined, undefined, 'first', true, k8s.PatchStrategy.ServerSideApply);
  assert.deepEqual(c.metadata.managedFields.map((m) => [m.manager, m.operation]), [['first', 'Apply']]);
  const other = { ...applied, data: { one: '2', two: '2' } };
  const conflict = await refused(409, 'Conflict', objects.patch(other, undefined, undefined, 'second', false, k8s.PatchStrategy.ServerSideApply));
  assert.equal(conflict.details.causes[0].reason, 'FieldManagerConflict');
  c = await objects.patch(other, undefined, undefined, 'second', true, k8s.PatchStrategy.ServerSideApply);
  assert.deepEqual(c.data, { one: '2', two: '2' });
  const scale = await apps.patchNamespacedDeploymentScale({ ...target, body: { spec: { replicas: 0 } } }, typed(k8s.PatchStrategy.MergePatch));
  assert.equal(scale.kind, 'Scale');
  await apps.deleteNamespacedDeployment(target);
}

async function definitions() {
  const group = 'node-client.example.com';
  const schema = { type: 'object', properties: { spec: { type: 'object', required: ['size'], properties: { size: { type: 'integer', minimum: 1 }, color: { type: 'string', _default: 'red' } } } } };
  await extensions.createCustomResourceDefinition({
    body: {
      metadata: { name: `widgets.${group}` },
      spec: { group, scope: 'Namespaced', names: { plural: 'widgets', singular: 'widget', kind: 'Widget' }, versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: schema } }] },
    },
  });
  await eventually('the definition is established', 10, async () =>
    (await extensions.readCustomResourceDefinition({ name: `widgets.${group}` })).status.conditions?.some((c) => c.type === 'Established' && c.status === 'True'));
  const at = { group, version: 'v1', namespace: NS, plural: 'widgets' };
  const widget = (name, spec) => ({ apiVersion: `${group}/v1`, kind: 'Widget', metadata: { name }, spec });
  const made = await custom.createNamespacedCustomObject({ ...at, body: widget('w', { size: 3, unknown: 1 }) });
  assert.deepEqual(made.spec, { size: 3, color: 'red' });
  const invalid = await refused(422, 'Invalid', custom.createNamespacedCustomObject({ ...at, body: widget('x', { size: 0 }) }));
  assert.equal(invalid.details.causes[0].field, 'spec.size');
  const read = await objects.read(widget('w', undefined) && { apiVersion: `${group}/v1`, kind: 'Widget', metadata: { name: 'w', namespace: NS } });
  assert.equal(read.spec.size, 3);
  assert.equal((await custom.listNamespacedCustomObject(at)).items.length, 1);
  await extensions.deleteCustomResourceDefinition({ name: `widgets.${group}` });
  await eventually('the definition is gone', 10, () =>
    custom.listNamespacedCustomObject(at).then(() => false, (e) => e.code === 404));
}

async function pod() {
  await core.createNamespacedPod({
    namespace: NS,
    body: {
      metadata: { name: 'p', labels: { app: 'web' } },
      spec: {
        terminationGracePeriodSeconds: 0,
        containers: [
          { name: 'web', image: 'knarr-demo:1' },
          { name: 'echo', image: 'knarr-demo:1', command: ['sh', '-c', 'n=0; while read l; do n=$((n+1)); echo "$n: $l"; done'], stdin: true },
        ],
      },
    },
  });
  await eventually('the pod is ready', 40, async () =>
    (await core.readNamespacedPodStatus({ name: 'p', namespace: NS })).status.conditions?.some((c) => c.type === 'Ready' && c.status === 'True'));
}

// Runs a command; returns what it wrote and its Status.
async function run(command, input, tty = false) {
  const out = new Sink();
  const err = new Sink();
  const stdin = input === undefined ? null : new PassThrough();
  const ended = new Promise((done, fail) => {
    new k8s.Exec(config)
      .exec(NS, 'p', 'web', command, out, tty ? null : err, stdin, tty, done)
      .catch(fail);
  });
  stdin?.write(input);
  stdin?.end();
  const status = await within(command.join(' '), 20, ended);
  return { out: out.text, err: err.text, status };
}

async function execs() {
  const plain = await run(['sh', '-c', 'echo out; echo err >&2']);
  assert.deepEqual([plain.out, plain.err, plain.status.status], ['out\n', 'err\n', 'Success']);
  const failed = await run(['sh', '-c', 'exit 7']);
  assert.equal(failed.status.status, 'Failure');
  assert.equal(failed.status.reason, 'NonZeroExitCode');
  assert.deepEqual(failed.status.details.causes, [{ reason: 'ExitCode', message: '7' }]);
  const big = 'x'.repeat(300000) + '\n';
  // The end of stdin has no sign in this protocol before v5: the command says itself how much it reads.
  const counted = await run(['head', '-c', String(big.length)], big);
  assert.equal(counted.out.length, big.length);
  const tty = await run(['sh', '-c', 'test -t 0 && test -t 1 && echo a terminal'], '', true);
  assert.equal(tty.out, 'a terminal\r\n');
  const missing = await run(['/no/such/program']);
  assert.equal(missing.status.status, 'Failure');
}

async function attach() {
  const out = new Sink();
  const input = new PassThrough();
  const socket = await new k8s.Attach(config).attach(NS, 'p', 'echo', out, null, input, false);
  input.write('hello\n');
  await eventually('an answer from the process', 10, () => out.text.includes('1: hello\n'));
  input.write('again\n');
  await eventually('another answer', 10, () => out.text.includes('2: again\n'));
  socket.close();
}

async function forward() {
  const forwarder = new k8s.PortForward(config);
  const server = net.createServer((s) => forwarder.portForward(NS, 'p', [8080], s, null, s));
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  for (let i = 0; i < 3; i++) {
    const answer = new Sink();
    const s = net.connect(server.address().port, '127.0.0.1');
    s.pipe(answer);
    s.write('GET / HTTP/1.0\r\n\r\n');
    await eventually('the pod answers', 10, () => answer.text.includes('hello from p'));
    s.destroy();
  }
  server.close();
}

async function logs() {
  const out = new Sink();
  const abort = await new k8s.Log(config).log(NS, 'p', 'echo', out, { follow: true });
  await eventually('what was logged', 10, () => out.text.includes('2: again\n'));
  const input = new PassThrough();
  const socket = await new k8s.Attach(config).attach(NS, 'p', 'echo', new Sink(), null, input, false);
  input.write('logged\n');
  await eventually('what is being logged', 10, () => out.text.includes('3: logged\n'));
  abort.abort();
  socket.close();
  assert.equal(await core.readNamespacedPodLog({ name: 'p', namespace: NS, container: 'echo', tailLines: 1 }), '3: logged\n');
  assert.match(await core.readNamespacedPodLog({ name: 'p', namespace: NS, container: 'echo', timestamps: true }), /^\d{4}-\d\d-\d\dT[^ ]+Z 1: hello\n/);
  await refused(400, 'BadRequest', core.readNamespacedPodLog({ name: 'p', namespace: NS, container: 'none' }));
}

for (const part of [crud, errors, pages, watches, informer, patches, definitions, pod, execs, attach, forward, logs]) {
  const begin = Date.now();
  await part();
  console.log(`${part.name}: ${Date.now() - begin} ms`);
}
await core.deleteNamespace({ name: NS });
process.exit(0);
