"""What every check needs to know of the source tree: its files, its layers, the flags to compile a file.

A check is a function of a Tree that returns a list of findings (strings); none means it passed.
"""
import functools
import hashlib
import json
import os
import re
import shlex
import subprocess
from pathlib import Path

INCLUDE = re.compile(r'^\s*#\s*include\s+["<]([^">]+)[">]', re.M)
LAYER = re.compile(r"^atoll_layer\(\s*(\S+)([^)]*)\)", re.M)


class Tree:
    def __init__(self, root):
        self.root = Path(root)

    def path(self, name):
        return self.root / name

    def text(self, name):
        return self.path(name).read_text(encoding="utf-8", errors="replace")

    @functools.cached_property
    def files(self):
        """Tracked files and new ones that git does not ignore, as they are now."""
        out = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=self.root,
                             check=True, stdout=subprocess.PIPE).stdout.decode()
        return sorted({f for f in out.split("\0") if f and self.path(f).is_file()})

    def matching(self, *suffixes):
        return [f for f in self.files if f.endswith(suffixes)]

    @functools.cached_property
    def layers(self):
        """Layer -> the layers it may include, as the top CMakeLists.txt says; lowest first."""
        return self._listed("DEPS")

    @functools.cached_property
    def test_layers(self):
        """Layer -> the layers that its tests may include besides."""
        return self._listed("TEST_DEPS")

    def _listed(self, keyword):
        out = {}
        for name, rest in LAYER.findall(self.text("CMakeLists.txt")):
            words = rest.split()
            deps = []
            if keyword in words:
                for word in words[words.index(keyword) + 1:]:
                    if word.isupper():
                        break
                    deps.append(word)
            out[name] = deps
        return out

    def layer_of(self, path):
        """The layer of a path below src/, or of an include such as "frontend/s3/http.h"."""
        path = path.removeprefix("src/")
        folder = os.path.dirname(path)
        return folder if folder in self.layers else None

    # --- includes and hashes ---

    @functools.cache
    def project_includes(self, name):
        """The files of this tree that `name` includes itself."""
        out = []
        for included in INCLUDE.findall(self.text(name)):
            for candidate in (f"src/{included}", included, f"{os.path.dirname(name)}/{included}"):
                if self.path(candidate).is_file():
                    out.append(candidate)
                    break
        return out

    def closure(self, name):
        seen, queue = {name}, [name]
        while queue:
            for included in self.project_includes(queue.pop()):
                if included not in seen:
                    seen.add(included)
                    queue.append(included)
        return sorted(seen)

    @functools.cache
    def _digest(self, name):
        return hashlib.sha256(self.path(name).read_bytes()).hexdigest()

    def fingerprint(self, name, *more):
        """Changes when the file, anything of ours that it includes, or `more` changes."""
        parts = [f"{f} {self._digest(f)}" for f in self.closure(name)] + list(more)
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    # --- flags ---

    @functools.cached_property
    def _commands(self):
        # A configuration of its own: the release preset compiles files in batches.
        folder = self.path("build/check")
        database = folder / "compile_commands.json"
        done = subprocess.run(["cmake", "--preset", "release", "-B", str(folder), "-DATOLL_BATCHES=OFF"],
                              cwd=self.root, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode != 0:
            raise RuntimeError(f"cmake failed:\n{done.stdout[-2000:]}")
        out = {}
        for entry in json.loads(database.read_text()):
            name = os.path.relpath(entry["file"], self.root)
            out.setdefault(name, _bare_flags(shlex.split(entry["command"])))
        return out

    def flags(self, name):
        """Preprocessor and language flags of a file, without the precompiled header. A file that no
        target compiles (a header, a fuzzer) takes those of its folder's neighbours."""
        if name in self._commands:
            return self._commands[name]
        folder = os.path.dirname(name)
        near = [f for f in self._commands if os.path.dirname(f) == folder]
        tests = [f for f in near if f.endswith("_test.cc")]
        if near:
            return self._commands[(tests or near)[0]]
        layer = self.layer_of(name)
        roots = [layer, *self.layers[layer]] if layer else []
        common = [f for f in next(iter(self._commands.values())) if not f.startswith("-I")]
        return common + ["-I" + str(self.path(f"build/check/include/atoll_{r.replace('/', '_')}"))
                         for r in roots]


def _bare_flags(words):
    out, skip = [], False
    for word in words[1:]:
        if skip:
            skip = False
        elif word in ("-o", "-c", "-include", "-x", "-MF", "-MT", "-MQ"):
            skip = True
        elif word.startswith(("-D", "-I", "-isystem", "-std=", "-march=", "-W")) and \
                not word.startswith(("-Winvalid-pch", "-Wno-")):
            out.append(word)
    return out
