"""What boot and machine have in common: the command line of a machine made by image, and the initial file system with the
script that it runs."""
import ctypes
import signal
import stat


def newc(name, data):
    raw = name.encode() + b"\0"
    fields = [1, stat.S_IFREG | 0o755, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(raw), 0]
    out = b"070701" + b"".join(b"%08X" % f for f in fields) + raw
    out += b"\0" * (-len(out) % 4) + data
    return out + b"\0" * (-len(out) % 4)


def initrd(image, script, path):
    """Writes the image's initrd with a script in it."""
    with open(path, "wb") as f:
        for part in (open(f"{image}/initrd", "rb").read(), newc("script", open(script, "rb").read()) + newc("TRAILER!!!", b"")):
            f.write(part + b"\0" * (-len(part) % 512))


def machine(image, initrd_path, memory, cpus=2, append=""):
    """A machine without any network. The caller adds serial lines, of which the first is the console, and what else there is.
    append: more words for its kernel."""
    return ["qemu-system-x86_64", "-accel", "tcg,thread=single", "-cpu", "max", "-smp", str(cpus), "-m", str(memory), "-nodefaults",
            "-display", "none", "-no-reboot", "-kernel", f"{image}/kernel", "-initrd", initrd_path,
            "-append", "console=ttyS0 quiet panic=-1 cgroup_no_v1=all random.trust_cpu=on mitigations=off tsc=unstable no_timer_check " + append,
            "-drive", f"file={image}/root.img,format=raw,if=none,id=root,snapshot=on,cache=unsafe",
            "-device", "virtio-blk-pci,drive=root,addr=4"]


def logged_disk(disk, log):
    """A second disk whose writes and flushes are logged (disk_log.py)."""
    return ["-blockdev", f"driver=file,node-name=file,filename={disk}", "-blockdev", "driver=raw,node-name=disk,file=file",
            "-blockdev", f"driver=file,node-name=log,filename={log}",
            "-blockdev", "driver=blklogwrites,node-name=logged,file=disk,log=log,log-super-update-interval=1",
            "-device", "virtio-blk-pci,drive=logged,addr=5"]


def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
