"""Remembers which (check, file, fingerprint) passed, so that a second run only looks at what changed."""
import concurrent.futures
import json
import os

# Two at a time: each compiler takes up to a GiB, and the smallest machine has two cores.
JOBS = int(os.environ.get("ATOLL_CHECK_JOBS", "2"))


class Cache:
    def __init__(self, path):
        self.path = path
        try:
            self.passed = json.loads(path.read_text())
        except (OSError, ValueError):
            self.passed = {}

    def save(self):
        self.path.parent.mkdir(parents=True, exist_ok=True)
        aside = self.path.with_suffix(".new")
        aside.write_text(json.dumps(self.passed, indent=0, sort_keys=True))
        aside.replace(self.path)

    def run(self, check, names, fingerprint, look):
        """look(name) -> list of findings, for each name whose fingerprint(name) has not passed yet."""
        wanted = {name: fingerprint(name) for name in names}
        seen = self.passed.setdefault(check, {})
        todo = [name for name in names if seen.get(name) != wanted[name]]
        findings = []
        with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
            for done, (name, found) in enumerate(zip(todo, pool.map(look, todo)), 1):
                if found:
                    seen.pop(name, None)
                    findings += found
                else:
                    seen[name] = wanted[name]
                if done % 16 == 0:
                    self.save()
        for gone in set(seen) - set(wanted):
            del seen[gone]
        self.save()
        return findings, len(todo)
