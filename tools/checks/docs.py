"""Checks of the documentation: links lead somewhere, named files exist, each layer has a README."""
import os
import re

LINK = re.compile(r"(?<!!)\[[^\]\n]*\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)")
CODE = re.compile(r"```.*?```", re.S)
NAMED = re.compile(r"`([\w./-]+?\.(?:h|cc|py|sh|md|json|cmake|txt|toml))(?::[\w:~]+)?(?:\(\))?`")


def _slug(heading):
    text = re.sub(r"[`*]", "", heading.strip().lower())
    return re.sub(r"\s", "-", re.sub(r"[^\w\- ]", "", text))


def _anchors(tree, name):
    text = CODE.sub("", tree.text(name))
    return {_slug(h) for h in re.findall(r"^#+\s+(.*)$", text, re.M)}


def links_check(tree):
    findings = []
    for name in tree.matching(".md"):
        for target in LINK.findall(CODE.sub("", tree.text(name))):
            if re.match(r"[a-z][a-z0-9+.-]*:", target):
                continue
            path, _, anchor = target.partition("#")
            there = os.path.normpath(os.path.join(os.path.dirname(name), path)) if path else name
            if not tree.path(there).exists():
                findings.append(f"{name}: dead link {target}")
            elif anchor and there.endswith(".md") and anchor not in _anchors(tree, there):
                findings.append(f"{name}: no heading for {target}")
    return findings


def named_files_check(tree):
    """docs/paths open with the files that a step passes: each must be there. A bare name is a file
    of whichever folder the step is in."""
    findings = []
    names = {os.path.basename(f) for f in tree.files}
    for name in tree.matching(".md"):
        if not name.startswith("docs/paths/"):
            continue
        for path in NAMED.findall(tree.text(name)):
            places = (path, f"src/{path}", os.path.join(os.path.dirname(name), path))
            if "/" not in path and path in names:
                continue
            if not any(tree.path(os.path.normpath(p)).exists() for p in places):
                findings.append(f"{name}: `{path}` does not exist")
    return findings


def readmes_check(tree):
    folders = {os.path.dirname(f) for f in tree.matching(".h", ".cc") if f.startswith("src/")}
    return [f"{folder}: no README.md" for folder in sorted(folders)
            if not tree.path(f"{folder}/README.md").is_file()]
