"""disk.py BINARY SHIM DIR power|kill|full|error: a server on a disk that is gone, full or broken at any moment (disk.c).

power: writers and a watcher use a server from its very first start on; each notes how long the log of the disk was when it
was answered. Then the server starts on what the disk holds after a cut at many places of that log: with all that was
written (a killed process), with only what was synced, and with a part of the rest, in whole sectors. kill: the server dies in
the middle of writes, again and again, on one disk. full, error: writes (and syncs) fail for a while.

What must hold each time: what was acknowledged is there under its revision; nothing is there that was never asked for;
revisions only go up; a watch from the last event seen has every later change once; the next write works."""
import http.client
import json
import mmap
import os
import random
import shutil
import ssl
import struct
import subprocess
import sys
import threading
import time

binary, shim, base, what = sys.argv[1:5]
PATH = '/api/v1/namespaces/default/configmaps'
WRITE, TRUNCATE, RENAME, UNLINK, SYNC = 1, 2, 3, 4, 5
SECTOR = 512
chance = random.Random(7)


class Control:
    """The numbers that disk.c looks at."""

    def __init__(self, path):
        with open(path, 'wb') as f:
            f.write(struct.pack('5q', 0, 0, 0, 0, -1))
        self.path, self.file = path, open(path, 'r+b')
        self.map = mmap.mmap(self.file.fileno(), 40)

    def ops(self):
        return struct.unpack_from('q', self.map, 0)[0]

    def fail(self, first, count, error):
        now = self.ops()
        struct.pack_into('3q', self.map, 8, now + first, now + first + count, error)

    def heal(self):
        struct.pack_into('2q', self.map, 8, 0, 0)

    def kill_in(self, n):
        struct.pack_into('q', self.map, 32, self.ops() + n)

    def spare(self):
        struct.pack_into('q', self.map, 32, -1)


class Server:
    def __init__(self, data, log=None, control=None, pki=None):
        env = dict(os.environ)
        if log or control:
            env.update(LD_PRELOAD=shim, DISK_ROOT=data)
        if log:
            env['DISK_LOG'] = log
        if control:
            env['DISK_CONTROL'] = control.path
        self.pki, self.data = pki or data + '/pki', data
        args = ['--data-dir', data, '--bind-address', '127.0.0.1', '--secure-port', '0', '--controllers=none', '--scheduler=none']
        self.stderr = open(base + '/server.log', 'ab')
        self.process = subprocess.Popen([binary] + args, env=env, stdout=subprocess.PIPE, stderr=self.stderr)
        port = self.process.stdout.readline()
        self.started = bool(port.strip())
        if not self.started:
            self.process.wait(20)
            return
        self.port = int(port)
        self.context = ssl.create_default_context(cafile=self.pki + '/ca.crt')
        self.context.load_cert_chain(self.pki + '/admin.crt', self.pki + '/admin.key')

    def connect(self, timeout=20):
        return http.client.HTTPSConnection('127.0.0.1', self.port, context=self.context, timeout=timeout)

    def end(self, sig=9):
        if self.process.poll() is None:
            self.process.send_signal(sig)
        self.process.wait(20)
        self.process.stdout.close()
        self.stderr.close()


def ask(conn, method, path, body=None):
    conn.request(method, path, json.dumps(body) if body is not None else None, {'Content-Type': 'application/json'})
    r = conn.getresponse()
    return r.status, json.loads(r.read())


class Writer:
    """The writes to one object, one after the other: (issued at, acknowledged at or None, revision, there afterwards)."""

    def __init__(self, name, position):
        self.name, self.position, self.ops, self.there, self.doubt = name, position, [], False, False

    def step(self, conn):
        """0: the connection broke. Else the status."""
        n, issued = len(self.ops), self.position()
        delete = self.there and not self.doubt and n % 4 == 3
        body = {'metadata': {'name': self.name}, 'data': {'n': str(n)}}
        op = [issued, None, None, not delete]
        self.ops.append(op)
        try:
            if delete:
                status, answer = ask(conn, 'DELETE', PATH + '/' + self.name)
            elif self.there and not self.doubt:
                status, answer = ask(conn, 'PUT', PATH + '/' + self.name, body)
            else:
                status, answer = ask(conn, 'POST', PATH, body)
                if status == 409 and self.doubt:
                    status, answer = ask(conn, 'PUT', PATH + '/' + self.name, body)
        except (OSError, http.client.HTTPException):
            self.doubt = True
            return 0
        if status in (200, 201):
            op[1], self.there, self.doubt = self.position(), not delete, False
            op[2] = None if delete else int(answer['metadata']['resourceVersion'])
        else:
            assert answer['kind'] == 'Status' and status >= 500, (status, answer)
            self.doubt = True
        return status

    def allowed(self, at):
        """The numbers of the operations that may have been the last one when the log was at long; -1: none."""
        acked = max((i for i, o in enumerate(self.ops) if o[1] is not None and o[1] <= at), default=-1)
        return [acked] + [i for i in range(acked + 1, len(self.ops)) if self.ops[i][0] <= at]

    def check(self, found, at):
        """found: the object there, or None."""
        allowed = self.allowed(at)
        if found is None:
            assert any(i < 0 or not self.ops[i][3] for i in allowed), ('lost', self.name, allowed, at)
            return
        n = int(found['data']['n'])
        assert n in allowed and self.ops[n][3], ('neither the last acknowledged nor a later one', self.name, n, allowed)
        revision = self.ops[n][2]
        assert revision is None or revision == int(found['metadata']['resourceVersion']), ('another revision', found, revision)


class Watcher(threading.Thread):
    """Follows one server; events: (log position when it came, revision, name, number of the operation, type)."""

    def __init__(self, server, position, revision):
        super().__init__(daemon=True)
        self.server, self.position, self.events, self.start_at = server, position, [], revision
        self.start()

    def run(self):
        try:
            for e in stream(self.server, self.start_at):
                self.events.append((self.position(),) + e)
        except (OSError, http.client.HTTPException, ValueError):
            pass


def stream(server, revision):
    conn = server.connect()
    conn.request('GET', PATH + '?watch=1&resourceVersion=%d' % revision)
    r = conn.getresponse()
    assert r.status == 200, r.read()
    for line in r:
        e = json.loads(line)
        assert e['type'] != 'ERROR', e
        o = e['object']
        yield int(o['metadata']['resourceVersion']), o['metadata']['name'], int(o.get('data', {}).get('n', -1)), e['type']


def check_state(server, writers, at, revision, seen):
    """What must hold on a server that has just started. revision: the highest given out before. seen: events before, by revision.
    Returns the revision of a new write."""
    conn = server.connect()
    status, listed = ask(conn, 'GET', PATH)
    assert status == 200, listed
    there = {o['metadata']['name']: o for o in listed['items']}
    newest = int(listed['metadata']['resourceVersion'])
    assert newest >= revision, ('the revision went back', newest, revision)
    for w in writers:
        w.check(there.get(w.name), at)
    name = 'probe-%d' % time.monotonic_ns()
    status, made = ask(conn, 'POST', PATH, {'metadata': {'name': name}})
    assert status == 201, made
    fresh = int(made['metadata']['resourceVersion'])
    assert fresh > revision and fresh > newest, ('a revision twice', fresh, revision)
    if seen:
        check_watch(server, seen, name, there)
    assert ask(conn, 'DELETE', PATH + '/' + name)[0] == 200
    return fresh + 1


def check_watch(server, seen, last, there):
    """A watch from the last event seen: upwards, each object's changes in their order and none left out up to its state now."""
    revision = seen[-1][1]
    known = {}
    for e in seen:
        known[e[2]] = e
    for rev, name, n, kind in stream(server, revision):
        assert rev > revision, ('repeated', rev, revision)
        revision = rev
        if name == last:
            break
        before = known.get(name)
        alive = before is not None and before[4] != 'DELETED'
        assert alive == (kind != 'ADDED'), ('missed or repeated', name, before, kind)
        known[name] = (0, rev, name, n, kind)
    for name, o in there.items():
        if name in known and 'n' in o.get('data', {}):
            assert known[name][3] == int(o['data']['n']) and known[name][4] != 'DELETED', ('missed', known[name], o)


class Disk:
    """The state below a directory out of a log: what every file holds, what of that is safe, what is on its way."""

    def __init__(self):
        self.files, self.names, self.safe_names = {}, {}, {}
        self.serial = 0

    def file(self, path):
        if path not in self.names:
            self.serial += 1
            self.names[path] = self.serial
            self.files[self.serial] = {'all': bytearray(), 'safe': bytearray(), 'pending': []}
        return self.files[self.names[path]]

    @staticmethod
    def put(content, offset, data):
        if len(content) < offset + len(data):
            content.extend(bytes(offset + len(data) - len(content)))
        content[offset:offset + len(data)] = data

    def apply(self, op, path, offset, data):
        if op == WRITE:
            f = self.file(path)
            self.put(f['all'], offset, data)
            f['pending'].append((offset, data))
        elif op == TRUNCATE:
            f = self.file(path)
            f['all'] = f['all'][:offset] + bytes(max(0, offset - len(f['all'])))
            f['pending'].append((offset, None))
        elif op == RENAME:
            self.names[data.decode()] = self.names.pop(path)
        elif op == UNLINK:
            self.names.pop(path, None)
        elif op == SYNC and path in self.names:
            f = self.file(path)
            f['safe'], f['pending'] = bytearray(f['all']), []
            self.safe_names[path] = self.names[path]
        elif op == SYNC:
            inside = lambda p: os.path.dirname(p) == path
            for p in [p for p in self.safe_names if inside(p) and p not in self.names]:
                del self.safe_names[p]
            self.safe_names.update({p: i for p, i in self.names.items() if inside(p)})

    def after_cut(self, f, part):
        """What was synced and, of the rest, each sector by chance; lengths as well."""
        content = bytearray(f['safe'])
        for offset, data in f['pending'] if part else []:
            if data is None:
                if chance.random() < 0.5:
                    content = content[:offset]
                continue
            for at in range(0, len(data), SECTOR):
                if chance.random() < 0.5:
                    self.put(content, offset + at, data[at:at + SECTOR])
        return content

    def write_out(self, where, manner):
        names = dict(self.names if manner == 'killed' else self.safe_names)
        if manner == 'part':
            changed = set(self.names.items()) ^ set(self.safe_names.items())
            for p in {p for p, _ in changed}:
                if chance.random() < 0.5:
                    names.pop(p, None)
                    if p in self.names:
                        names[p] = self.names[p]
        for p, i in names.items():
            full = os.path.join(where, p)
            os.makedirs(os.path.dirname(full), mode=0o700, exist_ok=True)
            with open(full, 'wb', opener=lambda n, flags: os.open(n, flags, 0o600)) as f:
                f.write(self.files[i]['all'] if manner == 'killed' else self.after_cut(self.files[i], manner == 'part'))


def records(path):
    """(position behind it, op, path, offset, data) of each."""
    with open(path, 'rb') as f:
        log = f.read()
    at = 0
    while at < len(log):
        op, path_length, n, offset = struct.unpack_from('<IIIQ', log, at)
        at += 20
        name, data = log[at:at + path_length].decode(), log[at + path_length:at + path_length + n]
        at += path_length + n
        yield at, op, name, offset, data


def load(server, writers, seconds):
    """Every writer on a connection of its own until the time is over or the server is gone."""
    until = time.monotonic() + seconds

    def run(w):
        conn = server.connect()
        while time.monotonic() < until and w.step(conn):
            pass

    threads = [threading.Thread(target=run, args=(w,)) for w in writers]
    for t in threads:
        t.start()
    for t in threads:
        t.join(seconds + 40)
        assert not t.is_alive(), 'a request hangs'


def revision_of(server):
    return int(ask(server.connect(), 'GET', PATH)[1]['metadata']['resourceVersion'])


def power():
    log = base + '/log'
    position = lambda: os.path.getsize(log)
    writers = [Writer('w%d' % i, position) for i in range(4)]
    watchers = []
    for life in range(3):
        server = Server(base + '/data', log=log)
        assert server.started
        watchers.append(Watcher(server, position, revision_of(server)))
        load(server, writers, 0.4)
        if life == 1:
            subprocess.run([os.path.dirname(binary) + '/knarr', 'backup', '--data-dir', base + '/data', '--config-dir', base + '/data',
                            '--secure-port', str(server.port), base + '/backup'], check=True, timeout=30)
            backed_up = position()
            load(server, writers, 0.2)
        server.end(9 if life else 15)
    found = list(records(log))
    acknowledged = sum(o[1] is not None for w in writers for o in w.ops)
    events = sorted((e for w in watchers for e in w.events), key=lambda e: e[1])
    # The places are many: some of them by chance, the first start's among them. DISK_CUTS asks for more than a few.
    cuts = set(chance.sample(range(1, len(found)), int(os.environ.get('DISK_CUTS', '24')))) | set(chance.sample(range(1, 60), 6))
    disk, n = Disk(), 0
    for i, (at, op, path, offset, data) in enumerate(found):
        if i in cuts and op == WRITE:
            disk.apply(op, path, offset, data[:len(data) // 2])
            n += check_cut(disk, 'killed', found[i - 1][0], writers, events)
        disk.apply(op, path, offset, data)
        if i in cuts:
            for manner in ('killed', 'synced', 'part'):
                n += check_cut(disk, manner, at, writers, events)
    check_backup(writers, backed_up)
    print('%d operations of the disk, %d writes acknowledged, %d events seen, %d states checked' % (len(found), acknowledged, len(events), n))


def check_cut(disk, manner, at, writers, events):
    where = base + '/cut'
    shutil.rmtree(where, ignore_errors=True)
    disk.write_out(where, manner)
    server = Server(where)
    try:
        assert server.started, 'does not start'
        seen = [e for e in events if e[0] <= at]
        given = [o[2] for w in writers for o in w.ops if o[1] is not None and o[1] <= at and o[2]]
        check_state(server, writers, at, max(given + [e[1] for e in seen] + [0]), seen)
    except BaseException:
        print('cut at %d, %s' % (at, manner))
        subprocess.run(['tail', '-n', '3', base + '/server.log'], check=False)
        raise
    finally:
        server.end()
    return 1


def check_backup(writers, at):
    """The copy has what was acknowledged when it was asked for, and nothing that came after it was there."""
    where = base + '/restored'
    os.mkdir(where)
    subprocess.run([os.path.dirname(binary) + '/knarr', 'restore', '--data-dir', where, '--config-dir', where, base + '/backup'], check=True,
                   timeout=30, stdout=subprocess.DEVNULL)
    server = Server(where)
    try:
        assert server.started
        check_state(server, writers, at, 0, [])
    finally:
        server.end()


def kill():
    """Dies in its n-th operation of the disk, over and over."""
    control = Control(base + '/control')
    clock = lambda: time.monotonic()
    writers = [Writer('w%d' % i, clock) for i in range(4)]
    highest, seen = 0, []
    for n in range(40):
        control.spare()
        server = Server(base + '/data', control=control)
        assert server.started
        if n:
            highest = check_state(server, writers, clock(), highest, seen)
        watcher = Watcher(server, clock, revision_of(server))
        known = [(0, int(o['metadata']['resourceVersion']), o['metadata']['name'], int(o.get('data', {}).get('n', -1)), 'ADDED')
                 for o in ask(server.connect(), 'GET', PATH)[1]['items']]
        known.append((0, watcher.start_at, '', -1, 'ADDED'))
        control.kill_in(1 + n * 3)
        load(server, writers, 20)
        server.process.wait(20)
        assert server.process.returncode == -9, server.process.returncode
        server.end()
        watcher.join(20)
        seen = sorted(known + watcher.events, key=lambda e: e[1])
        highest = max([highest] + [e[1] for e in seen] + [o[2] for w in writers for o in w.ops if o[2]])
        for w in writers: # what is in doubt is settled by what is there
            w.doubt = True
    print('killed %d times, %d writes acknowledged' % (n + 1, sum(o[1] is not None for w in writers for o in w.ops)))


def fail(error):
    """Refused while it fails, in good time, and not there afterwards; then everything works again."""
    control = Control(base + '/control')
    clock = lambda: time.monotonic()
    server = Server(base + '/data', control=control)
    assert server.started
    writers, refused, highest = [Writer('w%d' % i, clock) for i in range(3)], {}, 0
    for n in range(30):
        control.fail(n % 10, 4 + 5 * (n % 3), error)
        conn = server.connect()
        for _ in range(4):
            for w in writers:
                begin = clock()
                status = w.step(conn)
                assert status and clock() - begin < 10, 'a request was not answered'
                if status not in (200, 201):
                    refused[status] = refused.get(status, 0) + 1
                    w.ops[-1][0] = float('inf') # it must not be there
        control.heal()
        assert ask(conn, 'GET', PATH)[0] == 200
        highest = check_state(server, writers, clock(), highest, [])
        if n % 6 == 5:
            server.end(9)
            server = Server(base + '/data', control=control)
            assert server.started
            highest = check_state(server, writers, clock(), highest, [])
    server.end(15)
    assert server.process.returncode == 0, server.process.returncode
    assert refused, 'nothing failed'
    print('refused by status %s, %d writes acknowledged' % (refused, sum(o[1] is not None for w in writers for o in w.ops)))


{'power': power, 'kill': kill, 'full': lambda: fail(28), 'error': lambda: fail(5)}[what]()
