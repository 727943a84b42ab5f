"""Checks that need a compiler: format, headers that compile alone, clang-tidy."""
import functools
import re
import subprocess
import zlib

from .cache import Cache

FORMAT = "clang-format-16"
TIDY = "clang-tidy-16"
CLANG = "clang++-16"
# libstdc++ 12 hides std::expected from clang 16, which has the feature but an older date for it.
CLANG_FLAGS = ["-U__cpp_concepts", "-D__cpp_concepts=202002L", "-Wno-builtin-macro-redefined",
               "-Wno-unknown-warning-option"]


def _run(command, **kwargs):
    return subprocess.run(command, text=True, errors="replace", stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, **kwargs)


def format_check(tree):
    sources = tree.matching(".h", ".cc")
    if not sources:
        return []
    done = _run([FORMAT, "--dry-run", "-Werror", *sources], cwd=tree.root)
    bad = sorted(set(re.findall(r"^(\S+?):\d+:\d+: error:", done.stdout, re.M)))
    if done.returncode != 0 and not bad:
        return [done.stdout.strip()[-500:]]
    return [f"{f}: not as {FORMAT} has it (./dev fmt)" for f in bad]


def headers_check(tree):
    """Each header, included alone, compiles."""
    cache = Cache(tree.path("build/check-cache.json"))

    def name_to_include(header):
        return header.removeprefix("src/") if header.startswith("src/") else str(tree.path(header))

    def look(header):
        done = _run(["g++", *tree.flags(header), "-fsyntax-only", "-x", "c++", "-include",
                     name_to_include(header), "/dev/null"])
        error = re.search(r"^.*error:.*$", done.stdout, re.M)
        return [f"{header}: {error.group(0) if error else done.stdout[:300]}"] if done.returncode else []

    headers = [h for h in tree.matching(".h") if h.startswith(("src/", "sim/", "bench/", "test/"))]
    findings, _ = cache.run("headers", headers,
                            lambda h: tree.fingerprint(h, *tree.flags(h)), look)
    return findings


def tidy_check(tree):
    """clang-tidy with the short list of .clang-tidy, each as an error."""
    cache = Cache(tree.path("build/check-cache.json"))
    config = tree.text(".clang-tidy")

    @functools.cache
    def precompiled(language_flags):
        # A precompiled header by clang halves the time; it must be made with the file's own flags.
        out = tree.path(f"build/check/pch-{zlib.crc32(repr(language_flags).encode()):08x}.pch")
        out.parent.mkdir(parents=True, exist_ok=True)
        done = _run([CLANG, *language_flags, "-x", "c++-header", str(tree.path("cmake/pch.h")), "-o",
                     str(out)])
        if done.returncode != 0:
            raise RuntimeError(f"{CLANG} cannot compile cmake/pch.h: {done.stdout[:500]}")
        return str(out)

    def flags(source):
        out = [f.replace("-std=c++23", "-std=c++2b") for f in tree.flags(source)
               if not f.startswith("-W")]
        return out + CLANG_FLAGS

    def look(source):
        mine = flags(source)
        language = tuple(f for f in mine if not f.startswith("-I"))
        done = _run([TIDY, "--quiet", "--warnings-as-errors=*", str(tree.path(source)), "--", *mine,
                     "-include-pch", precompiled(language)], cwd=tree.root)
        errors = re.findall(r"^(\S+?:\d+):\d+: (?:error|warning): (.*)$", done.stdout, re.M)
        if not errors and done.returncode != 0:
            return [f"{source}: {done.stdout.strip()[-300:]}"]
        return sorted({f"{where.removeprefix(str(tree.root) + '/')}: {what}" for where, what in errors})

    sources = [s for s in tree.matching(".cc") if s.startswith(("src/", "sim/", "bench/"))]
    # One after the other first, so that the two jobs do not both make the same precompiled header.
    for language in {tuple(f for f in flags(s) if not f.startswith("-I")) for s in sources}:
        precompiled(language)
    findings, _ = cache.run("tidy", sources,
                            lambda s: tree.fingerprint(s, config, *tree.flags(s)), look)
    return findings
