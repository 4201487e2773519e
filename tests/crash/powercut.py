"""What a disk may hold after a power cut, worked out from a trace of what a program did: a write counts for sure once
its file was synced, a name once its folder was; of the rest any part may be there, in sectors. Names follow the order
of a journalling file system. Nothing but strace is needed, and hundreds of cuts come from one run."""

import os
import random
import re
import subprocess

CALLS = ("open,openat,creat,close,write,pwrite64,writev,pwritev,pwritev2,ftruncate,fallocate,fsync,fdatasync,rename,renameat,renameat2,"
         "unlink,unlinkat,link,linkat,mkdir,mkdirat,sendmsg,sendto,copy_file_range,sendfile,dup,dup2,dup3,mmap,truncate,rmdir,"
         "sync_file_range,syncfs,fcntl")
SECTOR = 512
UNNAMED = "(unnamed)"  # a file made with O_TMPFILE
LINE = re.compile(r"^(\d+) +(\w+)\((.*)\) += (-?\d+)\b", re.S)


def traced(path):
    """Words to put before a command."""
    return ["strace", "-D", "-f", "--seccomp-bpf", "-qq", "-y", "-xx", "-s", "4000000", "-e", "signal=none", "-e", f"trace={CALLS}", "-o", path]


def works():
    """True if programs can be traced here."""
    try:
        return subprocess.run(["strace", "-f", "-o", "/dev/null", "true"], capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


def text(quoted):
    return bytes.fromhex(quoted.replace("\\x", ""))


STRING = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
FD = re.compile(r"^(-?\d+|AT_FDCWD)(?:<((?:[^>]|->)*)>)?")


def whole_lines(file):
    """Lines of a trace, those that were interrupted by other threads' put together where they ended."""
    begun = {}
    for line in file:
        line = line.rstrip("\n")
        pid = line.split(" ", 1)[0]
        if line.endswith("<unfinished ...>"):
            begun[pid] = line[:-len("<unfinished ...>")].rstrip()
            continue
        match = re.match(r"^(\d+) +<\.\.\. \w+ resumed>(.*)$", line)
        if match:
            if pid in begun:
                yield begun.pop(pid) + match.group(2)
            continue
        yield line


class File:
    """An inode: what is on the platter, and what is not yet."""

    def __init__(self, name):
        self.name, self.durable, self.pending = name, bytearray(), []

    def sync(self):
        for change in self.pending:
            apply(self.durable, change, None)
        self.pending = []


def apply(content, change, rand):
    """Does a change; with rand, a write whose sectors each reach the disk or don't."""
    kind, at, data = change
    if kind == "truncate":
        if at < len(content):
            del content[at:]
        else:
            content.extend(bytes(at - len(content)))
        return
    if len(content) < at:
        content.extend(bytes(at - len(content)))
    if rand is None:
        content[at:at + len(data)] = data
        return
    for begin in range(0, len(data), SECTOR):
        if rand.random() < 0.5:
            piece = data[begin:begin + SECTOR]
            if len(content) < at + begin:
                content.extend(bytes(at + begin - len(content)))
            content[at + begin:at + begin + len(piece)] = piece


class Disk:
    """Follows a trace. heed(file name): whether a sync of that file does anything (for controls)."""

    def __init__(self, folder, heed=lambda name: True):
        self.folder, self.heed = os.path.realpath(folder), heed
        self.names, self.durable_names, self.pending_names = {}, {}, []
        self.fds, self.said, self.cwd = {}, [], os.getcwd()
        self.odd = []

    # --- names --------------------------------------------------------------------------------------

    def rename_durably(self, change):
        kind, name, value = change
        if kind == "add":
            self.durable_names[name] = value
        else:
            self.durable_names.pop(name, None)

    def change_name(self, kind, name, value=None):
        if kind == "add":
            self.names[name] = value
        else:
            self.names.pop(name, None)
        self.pending_names.append([(kind, name, value)])

    def sync_folder(self, folder):
        """Journal order: what came before goes with it."""
        last = max((i for i, group in enumerate(self.pending_names) for _, name, _ in group
                    if os.path.dirname(name) == folder), default=-1)
        for group in self.pending_names[:last + 1]:
            for change in group:
                self.rename_durably(change)
        del self.pending_names[:last + 1]

    def resolve(self, args):
        """Absolute path of the first "dir, name" or name in args, and the rest of args."""
        base = self.cwd
        match = FD.match(args)
        if match and not args.startswith('"'):
            if match.group(2):
                base = text(match.group(2)).decode() if match.group(2).startswith("\\x") else match.group(2)
            args = args[match.end():].lstrip(", ")
        match = STRING.match(args)
        if not match:
            return None, args
        path = os.path.normpath(os.path.join(base, text(match.group(1)).decode("utf-8", "replace")))
        return path, args[match.end():].lstrip(", ")

    def ours(self, path):
        return path is not None and (path == self.folder or path.startswith(self.folder + "/"))

    # --- calls --------------------------------------------------------------------------------------

    def follow(self, line):
        """Takes in one line; what the program said ("250 …" replies, printed lines) is appended to .said."""
        match = LINE.match(line)
        if not match:
            return
        _, call, args, result = match.groups()
        result = int(result)
        if result >= 0 and hasattr(self, "on_" + call):
            getattr(self, "on_" + call)(args, result)

    def on_open(self, args, fd):
        path, rest = self.resolve(args)
        self.fds.pop(fd, None)
        if "O_TMPFILE" in rest:
            self.fds[fd] = [File(UNNAMED), 0, False]  # wherever it lies, it may get a name in the folder
            return
        if not self.ours(path):
            return
        if "O_DIRECTORY" in rest or path == self.folder or isinstance(self.names.get(path), int):
            self.fds[fd] = path
        else:
            if path not in self.names and ("O_CREAT" in rest):
                self.change_name("add", path, File(path))
            file = self.names.get(path)
            if file is None:
                self.odd.append(f"opened but never made: {path}")
                return
            if "O_TRUNC" in rest:
                file.pending.append(("truncate", 0, None))
            self.fds[fd] = [file, 0, "O_APPEND" in rest]

    on_openat = on_creat = on_open

    def on_close(self, args, _):
        self.fds.pop(int(FD.match(args).group(1)), None)

    def on_dup(self, args, fd):
        old = self.fds.get(int(FD.match(args).group(1)))
        if old is not None:
            self.fds[fd] = old

    on_dup2 = on_dup3 = on_dup

    def on_fcntl(self, args, fd):
        if "F_DUPFD" in args:
            self.on_dup(args, fd)

    def file(self, args):
        open_file = self.fds.get(int(FD.match(args).group(1)))
        return open_file if isinstance(open_file, list) else None

    def size(self, file):
        """Its length as the program sees it."""
        size = len(file.durable)
        for kind, at, data in file.pending:
            size = at if kind == "truncate" else max(size, at + len(data))
        return size

    def on_write(self, args, written):
        data = b"".join(text(piece) for piece in STRING.findall(args))[:written]
        target = self.file(args)
        if target is None:
            self.said.append(data)
            return
        at = self.size(target[0]) if target[2] else target[1]
        target[0].pending.append(("write", at, data))
        target[1] = at + written

    on_writev = on_write

    def on_sendmsg(self, args, sent):
        self.said.append(b"".join(text(piece) for piece in STRING.findall(args))[:sent])

    on_sendto = on_sendmsg

    def on_pwrite64(self, args, written):
        target = self.file(args)
        if target:
            target[0].pending.append(("write", int(args.rsplit(",", 1)[1]), text(STRING.search(args).group(1))[:written]))

    def on_ftruncate(self, args, _):
        target = self.file(args)
        if target:
            target[0].pending.append(("truncate", int(args.rsplit(",", 1)[1]), None))

    def on_fallocate(self, args, _):
        target = self.file(args)
        if target and self.size(target[0]) < sum(int(n) for n in args.rsplit(",", 2)[1:]) and "KEEP_SIZE" not in args:
            target[0].pending.append(("truncate", sum(int(n) for n in args.rsplit(",", 2)[1:]), None))

    def on_fsync(self, args, _):
        target = self.fds.get(int(FD.match(args).group(1)))
        if isinstance(target, list) and self.heed(target[0].name):
            target[0].sync()
        elif isinstance(target, str) and self.heed(target):
            self.sync_folder(target)

    on_fdatasync = on_fsync

    def on_syncfs(self, _, __):
        for file in {id(file): file for file in self.names.values() if isinstance(file, File)}.values():
            file.sync()
        for group in self.pending_names:
            for change in group:
                self.rename_durably(change)
        self.pending_names = []

    def on_rename(self, args, _):
        old, rest = self.resolve(args)
        new, _ = self.resolve(rest)
        file = self.names.get(old)
        if file is None:
            return
        self.names.pop(old)
        self.names[new] = file
        self.pending_names.append([("remove", old, None), ("add", new, file)])

    on_renameat = on_renameat2 = on_rename

    def on_unlink(self, args, _):
        path, _ = self.resolve(args)
        if path in self.names:
            self.change_name("remove", path)

    on_unlinkat = on_unlink

    def on_link(self, args, _):
        old, rest = self.resolve(args)
        new, _ = self.resolve(rest)
        unnamed = re.match(r"/proc/self/fd/(\d+)$", old or "")
        file = self.fds[int(unnamed.group(1))][0] if unnamed else self.names.get(old)
        if file is not None and self.ours(new):
            self.change_name("add", new, file)

    on_linkat = on_link

    def on_mkdir(self, args, _):
        path, _ = self.resolve(args)
        if self.ours(path):
            self.change_name("add", path, int(args.rsplit(",", 1)[1], 8))

    on_mkdirat = on_mkdir

    def on_mmap(self, args, _):
        if "MAP_SHARED" in args and "PROT_WRITE" in args and "-shm" not in self.plain(args):
            target = self.fds.get(int(FD.match(args.split(", ")[4]).group(1)))
            if target:
                self.odd.append(f"writes through a mapping: {target}")

    def plain(self, args):
        return re.sub(r"(?:\\x[0-9a-f]{2})+", lambda m: text(m.group(0)).decode("utf-8", "replace"), args)

    def on_copy_file_range(self, args, _):
        if self.file(args.split(", ")[2]):
            self.odd.append("copy_file_range into the folder")

    def on_sendfile(self, args, _):
        if self.file(args):
            self.odd.append("sendfile into the folder")

    # --- the cut ------------------------------------------------------------------------------------

    def after_cut(self, rand):
        """Path -> bytes (a number: a folder with that mode) of one of the things the disk may hold now."""
        names = dict(self.durable_names)
        for group in self.pending_names[:rand.randint(0, len(self.pending_names))]:
            for kind, name, value in group:
                if kind == "add":
                    names[name] = value
                else:
                    names.pop(name, None)
        luck = rand.choice((0.0, 0.3, 0.7, 1.0))
        found = {}
        for name, file in names.items():
            if isinstance(file, int):
                found[name] = file
                continue
            content = bytearray(file.durable)
            for change in file.pending:
                if rand.random() < luck:
                    apply(content, change, rand if rand.random() < 0.3 else None)
            found[name] = bytes(content)
        return found

    def everything(self):
        """What the folder holds when nothing is cut."""
        found = {}
        for name, file in self.names.items():
            if isinstance(file, File):
                content = bytearray(file.durable)
                for change in file.pending:
                    apply(content, change, None)
                found[name] = bytes(content)
        return found


def write_tree(found, old, new):
    """Lays a tree down below new instead of old; shared memory of SQLite is never there after a boot."""
    for name in sorted(found):
        path = new + name[len(old):]
        if isinstance(found[name], int):
            os.makedirs(path, exist_ok=True)
            os.chmod(path, found[name])
        elif os.path.isdir(os.path.dirname(path)) and not name.endswith("-shm"):
            with open(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "wb") as file:
                file.write(found[name])
