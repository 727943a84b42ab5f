"""The checks, checked: each must be silent on a small sound tree and find what is planted in it."""
import subprocess
import tempfile
from pathlib import Path

from . import compilers, docs, sources
from .tree import Tree

SOUND = {
    ".clang-format": "BasedOnStyle: Google\nColumnLimit: 100\n",
    "CMakeLists.txt": "atoll_layer(base EXTERNAL X::X)\natoll_layer(env DEPS base\n  EXTERNAL Y::Y)\n"
                      "atoll_layer(device DEPS base env)\n",
    "src/base/README.md": "# base\n\n## Types\n\n[env](../env/README.md) and [types](#types)\n",
    "src/base/a.h": "#pragma once\n",
    "src/env/README.md": "# env\n",
    "src/env/b.h": '#pragma once\n#include "base/a.h"\n',
    "src/device/README.md": "# device\n",
    "src/device/c.cc": '#include "env/b.h"\n\nauto f = []() -> Task { co_return; };\n'
                       "auto g = [x]() { return x; };\n",
    "docs/paths/write.md": "1. `src/env/b.h`, then `device/c.cc:f`\n",
}
# (check, file, its text when planted, a word of the finding)
PLANTED = [
    (compilers.format_check, "src/base/a.h", "#pragma once\nint   x ;\n", "src/base/a.h"),
    (sources.layers_check, "src/base/a.h", '#include "env/b.h"\n', "base may not include"),
    (sources.layers_check, "src/nowhere/a.h", "#pragma once\n", "no layer"),
    (sources.layers_check, "src/device/c.cc", '#include "../base/a.h"\n', "layer's name"),
    (sources.coroutine_lambdas_check, "src/device/c.cc", "auto f = [x]() -> Task {\n  co_await x;\n};\n",
     "src/device/c.cc:1"),
    (sources.length_check, "src/base/a.h", "//\n" * 501, "501 lines"),
    (sources.words_check, "src/base/a.h", "// see /" + "work/tree\n", "a.h:1"),
    (sources.words_check, "README.md", "written by an assis" + "tant\n", "README.md:1"),
    (docs.links_check, "src/base/README.md", "[x](../gone.md)\n", "dead link ../gone.md"),
    (docs.links_check, "src/base/README.md", "[x](../env/README.md#gone)\n", "no heading"),
    (docs.named_files_check, "docs/paths/write.md", "`src/env/gone.cc`\n", "src/env/gone.cc"),
    (docs.readmes_check, "src/base/sub/d.h", "#pragma once\n", "src/base/sub"),
]


def _make(folder, files):
    for name, text in files.items():
        path = Path(folder) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    subprocess.run(["git", "init", "-q", folder], check=True)
    return Tree(folder)


def selftest(_tree):
    findings = []
    for check in {planted[0] for planted in PLANTED}:
        with tempfile.TemporaryDirectory(prefix="atoll-check-") as folder:
            if found := check(_make(folder, SOUND)):
                findings.append(f"{check.__name__} finds fault with a sound tree: {found[0]}")
    for check, name, text, word in PLANTED:
        with tempfile.TemporaryDirectory(prefix="atoll-check-") as folder:
            found = check(_make(folder, dict(SOUND, **{name: text})))
            if not any(word in f for f in found):
                findings.append(f"{check.__name__} misses what was planted in {name}: {found}")
    return findings
