"""References that are no server: the bare disk by fio, MD5 on one core; and dropping the page cache."""
import hashlib
import json
import os
import subprocess
import time

from .lines import MIB
from .servers import CLIENT_CORE, pinned


def fio(folder, name, *options):
    """Runs one fio job on a file of its own below `folder`; returns its JSON of the job."""
    os.sync()  # or fio's flushes wait for what others left in the file system's journal
    path = os.path.join(folder, f"fio-{name}.dat")
    command = ["fio", f"--name={name}", f"--filename={path}", "--output-format=json", "--thread",
               *options]
    done = subprocess.run(pinned(CLIENT_CORE, command), text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE)
    if done.returncode != 0:
        raise RuntimeError(f"fio: {done.stderr.strip() or done.stdout[-300:]}")
    return json.loads(done.stdout[done.stdout.index("{"):])["jobs"][0]


def remove_files(folder):
    for name in os.listdir(folder):
        if name.startswith("fio-"):
            os.unlink(os.path.join(folder, name))


def direct_write(folder, size_mib=1024):
    """Bytes/s of a sequential O_DIRECT write, 1 MiB, 8 in flight, of a preallocated file."""
    job = fio(folder, "seq", "--rw=write", "--bs=1M", "--direct=1", "--ioengine=io_uring",
              "--iodepth=8", f"--size={size_mib}M")
    return job["write"]["bw_bytes"]


def direct_read(folder, size_mib=1024):
    """Bytes/s of a sequential O_DIRECT read of what direct_write left."""
    job = fio(folder, "seq", "--rw=read", "--bs=1M", "--direct=1", "--ioengine=io_uring",
              "--iodepth=8", f"--size={size_mib}M")
    return job["read"]["bw_bytes"]


def synced_appends(folder, seconds=2):
    """Appends a second: 4 KiB, O_DIRECT, fdatasync after each, one at a time, on a preallocated file."""
    job = fio(folder, "sync", "--rw=write", "--bs=4k", "--direct=1", "--fdatasync=1",
              "--ioengine=psync", "--size=256M", "--time_based", f"--runtime={seconds}")
    return job["write"]["iops"]


def md5_rate(seconds=1.0):
    """Bytes/s of OpenSSL's MD5 of one stream on one core."""
    block = os.urandom(MIB)
    digest, done, began = hashlib.md5(), 0, time.monotonic()
    while time.monotonic() - began < seconds:
        for _ in range(16):
            digest.update(block)
        done += 16 * MIB
    return done / (time.monotonic() - began)


def drop_caches():
    """False where it is not permitted."""
    os.sync()
    try:
        with open("/proc/sys/vm/drop_caches", "w") as f:
            f.write("3")
        return True
    except OSError:
        return False
