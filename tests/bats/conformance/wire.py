"""Kubernetes' protobuf form of request bodies, as Go's typed clients send them, by the server's own table of field numbers
(cp/api/protobuf.tbl)."""
import base64
import calendar
import json
import os
import re
import struct
import time

TABLE = {}
for line in open(os.path.join(os.path.dirname(os.path.abspath(__file__)), '../../../cp/api/protobuf.tbl')):
    words = line.split()
    if words and words[0] != '#':
        TABLE[words[0]] = [(m.group(1), int(m.group(2)), m.group(3), m.group(4))
                           for m in (re.match(r'([^=]+)=(\d+)([*%^]?)(.*)', w) for w in words[1:]) if m]


def varint(n):
    n &= (1 << 64) - 1
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    return bytes(out) + bytes([n])


def field(number, wire, content):
    return varint(number << 3 | wire) + (varint(len(content)) if wire == 2 else b'') + content


def instant(text):
    seconds, fraction = re.match(r'([^.Z]+)(\.\d+)?Z', text).groups()
    out = field(1, 0, varint(calendar.timegm(time.strptime(seconds, '%Y-%m-%dT%H:%M:%S'))))
    return out + field(2, 0, varint(int(float(fraction or 0) * 1e9)))


def choice(kind, value):
    """The message of a value that is one of several kinds."""
    for name, number, shape, type_ in TABLE[kind]:
        if shape == '*' and isinstance(value, list):
            return b''.join(one(number, type_, v) for v in value)
        if shape == '' and not isinstance(value, list) and isinstance(value, bool) == (type_ == 'b'):
            return (field(1, 0, b'\x01') if name == 'schema' and kind.endswith('OrBool') else b'') + one(number, type_, value)
    raise ValueError((kind, value))


def one(number, type_, value):
    if type_ == 's':
        return field(number, 2, value.encode())
    if type_ == 'y':
        return field(number, 2, base64.b64decode(value))
    if type_ in 'bi':
        return field(number, 0, varint(int(value)))
    if type_ == 'd':
        return field(number, 1, struct.pack('<d', value))
    if type_ in 'TU':
        return field(number, 2, instant(value) if value else b'')
    if type_ == 'q':
        return field(number, 2, field(1, 2, str(value).encode()))
    if type_ == 'r':
        return field(number, 2, field(1, 2, json.dumps(value).encode()))
    if type_ == 'o':
        text = isinstance(value, str)
        return field(number, 2, field(1, 0, varint(int(text))) + field(2, 0, varint(0 if text else value)) + field(3, 2, value.encode() if text else b''))
    return field(number, 2, message(type_, value))


def names_of(kind):
    """The members of a message, those of messages whose fields stand in it among them."""
    return {n for name, _, shape, type_ in TABLE[kind] for n in (names_of(type_) if shape == '^' else [name])}


def message(kind, value):
    if 'JSONSchemaPropsOr' in kind:
        return choice(kind, value)
    if isinstance(value, list):  # a list that is a message
        return b''.join(one(TABLE[kind][0][1], TABLE[kind][0][3], v) for v in value)
    out, left = b'', dict(value)
    for name, number, shape, type_ in TABLE[kind]:
        if shape == '^':
            out += field(number, 2, message(type_, {k: left.pop(k) for k in list(left) if k in names_of(type_)}))
            continue
        if name not in left:
            continue
        v = left.pop(name)
        if v is None:
            continue
        if shape == '*':
            out += b''.join(one(number, type_, x) for x in v)
        elif shape == '%':
            out += b''.join(field(number, 2, field(1, 2, k.encode()) + one(2, type_, x)) for k, x in v.items())
        else:
            out += one(number, type_, v)
    left.pop('apiVersion', None)
    left.pop('kind', None)
    assert not left, 'no field numbers for %s of %s' % (sorted(left), kind)
    return out


def encode(obj):
    """The body, or None where there is no such message."""
    group, _, version = obj['apiVersion'].rpartition('/')
    name = '%s.%s.%s' % (group.split('.')[0] or 'core', version, obj['kind'])
    if obj['kind'] == 'DeleteOptions':
        name = 'meta.v1.DeleteOptions'
    if name not in TABLE:
        return None
    meta = field(1, 2, obj['apiVersion'].encode()) + field(2, 2, obj['kind'].encode())
    return b'k8s\0' + field(1, 2, meta) + field(2, 2, message(name, obj)) + field(3, 2, b'') + field(4, 2, b'')
