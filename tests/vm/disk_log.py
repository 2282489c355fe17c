"""What a disk holds after a power cut. QEMU's blklogwrites driver notes every write and every flush in a log (the format of
the kernel's dm-log-writes); replay() puts onto the disk what was written before the last flush, and of the writes after it
some by chance, each in whole sectors: a disk promises nothing about those."""
import random
import struct

SECTOR = 512
MAGIC = 0x6A736677736872
FLUSH, FUA, DISCARD, MARK = 1, 2, 4, 8


def entries(log):
    """(flags, offset, length, data offset) of each complete entry."""
    magic, _, count, sector = struct.unpack("<QQQI", log[:28])
    if magic != MAGIC:
        raise ValueError("no log of writes")
    at = sector
    for _ in range(count):
        if at + sector > len(log):
            return
        first, n, flags, length = struct.unpack("<QQQQ", log[at:at + 32])
        at += sector
        size = 0 if flags & DISCARD else length if length else n * sector
        if at + size > len(log):
            return
        yield flags, first * sector, n * sector, at
        at += -(-size // sector) * sector


def replay(log_path, disk_path, cut, seed):
    """Returns (writes kept, writes lost). Without a cut all are kept."""
    with open(log_path, "rb") as f:
        log = f.read()
    found = list(entries(log))
    flushed = max((i for i, e in enumerate(found) if e[0] & FLUSH), default=-1) if cut else len(found)
    chance = random.Random(seed)
    kept = lost = 0
    with open(disk_path, "r+b") as disk:
        for i, (flags, offset, length, at) in enumerate(found):
            if flags & MARK or not length:
                continue
            if i > flushed and not flags & FUA and chance.random() < 0.5:
                lost += 1
                continue
            disk.seek(offset)
            disk.write(b"\0" * length if flags & DISCARD else log[at:at + length])
            kept += 1
    return kept, lost
