"""disk.py - what a disk holds after a power cut, from the log that shim.c keeps.

Four disks, from kind to cruel. A process killed without a power cut finds the first."""
import dataclasses
import hashlib

KEPT = "kept"        # everything that was written
DROPPED = "dropped"  # names as they were; of the bytes of a file only those that were synced
TORN = "torn"        # names as they were; of the bytes not synced a random part, in sectors
BARE = "bare"        # of names, too, only those whose folder was synced
DISKS = (KEPT, DROPPED, TORN, BARE)

SECTOR = 512


@dataclasses.dataclass
class File:
    data: bytes = b""
    synced: bytes = b""


def read_log(path):
    """The operations, in order, as tuples: name, arguments, bytes."""
    log = path.read_bytes()
    at = 0
    while at < len(log):
        end = log.index(b"\n", at)
        name, *rest = log[at:end].decode().split(" ")
        at = end + 1
        size = int(rest[2]) if name == "write" else 0
        yield name, rest, log[at:at + size]
        at += size


class Disk:
    """Files and folders below the root while operations are played back."""

    def __init__(self):
        self.inodes = {}           # number: File, of those that are open or have a name
        self.names = {}            # path: File, or None for a folder
        self.synced_names = {}     # the same as on disk

    def play(self, name, arguments, data):
        getattr(self, "do_" + name)(*arguments, **({"data": data} if name == "write" else {}))

    def do_create(self, inode, path):
        self.inodes[inode] = self.names[path] = File()

    def do_write(self, inode, offset, _size, data):
        file, offset = self.inodes[inode], int(offset)
        before = file.data[:offset].ljust(offset, b"\0")
        file.data = before + data + file.data[offset + len(data):]

    def do_truncate(self, inode, size):
        file, size = self.inodes[inode], int(size)
        file.data = file.data[:size].ljust(size, b"\0")

    def do_sync(self, inode):
        file = self.inodes[inode]
        file.synced = file.data

    def do_mkdir(self, path):
        self.names[path] = None

    def do_rename(self, old, new):
        self.names[new] = self.names.pop(old)

    def do_unlink(self, path):
        del self.names[path]

    def do_syncdir(self, path=""):
        def inside(name):
            return name.rpartition("/")[0] == path

        self.synced_names = {n: f for n, f in self.synced_names.items() if not inside(n)}
        self.synced_names.update((n, f) for n, f in self.names.items() if inside(n))

    def after_cut(self, kind, rng):
        """{path: bytes, or None for a folder} of what is left."""
        names = self.names
        if kind == BARE:
            names = {n: f for n, f in self.synced_names.items() if self.is_reached(n)}
        return {n: f and contents(f, kind, rng) for n, f in names.items()}

    def is_reached(self, path):
        folder = path.rpartition("/")[0]
        return not folder or folder in self.synced_names and self.is_reached(folder)


def contents(file, kind, rng):
    if kind == KEPT:
        return file.data
    if kind in (DROPPED, BARE) or file.data == file.synced:
        return file.synced
    # Its length may be the new or the old one; each sector as well.
    data = bytearray(rng.choice((file.data, file.synced)))
    for at in range(0, len(data), SECTOR):
        source = rng.choice((file.data, file.synced))
        part = source[at:at + SECTOR]
        data[at:at + len(part)] = part
    return bytes(data)


def key_of(state):
    """Equal for equal states."""
    digest = hashlib.sha256()
    for path, data in sorted(state.items()):
        digest.update(repr((path, data is None, len(data or b""))).encode() + (data or b""))
    return digest.digest()


def put(state, folder):
    """Lay a state down in a folder."""
    for path, data in sorted(state.items()):
        if data is None:
            (folder / path).mkdir()
        else:
            (folder / path).write_bytes(data)
