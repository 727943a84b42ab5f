#!/usr/bin/env python3
"""The pool's name as clients in the laboratory see it: what is well, in turn, for a short while; and nothing else.

A run of `atoll lab vip` loses a node while a client in its network asks the name servers of all nodes all the time (a
small resolver below, and dig). No time is asserted: what must hold is in what order things are seen.
"""
import collections
import json
import os
import random
import select
import socket
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
sys.path.insert(0, os.path.dirname(__file__))
from atoll_cluster import BIN, case, expect, finish  # noqa: E402
from vip_short import leftovers, networks_can_be_made  # noqa: E402

NODES = 3
LEASE_MS = 2000  # so that there is time to ask before and after
ADDRESSES = 2 * NODES  # as many as the laboratory gives to so few nodes
ZONE = "atoll.test"
POOL = f"lab.{ZONE}"
SERVICE = f"_rdma._tcp.{POOL}"
TTL_S = 5  # vip/dns/snapshot.h
A, SRV = 1, 33
NOERROR, NXDOMAIN, REFUSED = 0, 3, 5
ROUND_S = 0.1  # below what one client may ask of a server in a second
ANSWER_S = 0.3
START_LIMIT_S = 60
RUN_LIMIT_S = 120
RANDOM_DATAGRAMS = 10_000
Answer = collections.namedtuple("Answer", "rcode records")  # (type, ttl, data), in the order of the answer


def server(node):
    return f"10.0.1.{node}"


# --- A resolver ---


def query(number, name, kind):
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return struct.pack(">6H", number, 0, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">2H", kind, 1)


def read_name(message, at):
    labels, end = [], None
    while True:
        length = message[at]
        if length >= 0xC0:
            end = end or at + 2
            at = (length & 0x3F) << 8 | message[at + 1]
        elif length:
            labels.append(message[at + 1:at + 1 + length].decode())
            at += 1 + length
        else:
            return ".".join(labels), end or at + 1


def parse(message):
    _, flags, questions, answers, _, _ = struct.unpack(">6H", message[:12])
    at = 12
    for _ in range(questions):
        at = read_name(message, at)[1] + 4
    records = []
    for _ in range(answers):
        at = read_name(message, at)[1]
        kind, _, ttl, size = struct.unpack(">2HIH", message[at:at + 10])
        at += 10
        data = socket.inet_ntoa(message[at:at + 4]) if kind == A else None
        if kind == SRV:
            data = f"{struct.unpack('>H', message[at:at + 2])[0]} {read_name(message, at + 6)[0].split('.')[0]}"
        records.append((kind, ttl, data))
        at += size
    return Answer(flags & 15, records), bool(flags & 0x0200)


def ask(address, name, kind):
    """None: nobody answers there."""
    number = random.randrange(1 << 16)
    bytes_asked = query(number, name, kind)
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.settimeout(ANSWER_S)
            udp.connect((address, 53))
            udp.send(bytes_asked)
            answer, cut = parse(udp.recv(4096))
        if not cut:
            return answer
        with socket.create_connection((address, 53), timeout=ANSWER_S) as tcp:
            tcp.sendall(struct.pack(">H", len(bytes_asked)) + bytes_asked)
            stream = tcp.makefile("rb")
            return parse(stream.read(struct.unpack(">H", stream.read(2))[0]))[0]
    except (OSError, struct.error):
        return None


# --- What runs inside the client's network: one line an answer ---


def watch(node):
    while not select.select([sys.stdin], [], [], ROUND_S)[0]:
        for name, kind in ((POOL, A), (SERVICE, SRV)):
            answer = ask(server(int(node)), name, kind)
            if answer:
                print(json.dumps([time.monotonic(), int(node), kind, answer.rcode, answer.records]), flush=True)


def turns(node):
    """The first address of each of many answers."""
    for _ in range(4 * ADDRESSES):
        answer = ask(server(int(node)), POOL, A)
        print(answer.records[0][2] if answer and answer.records else "")


def flood():
    """What nobody would send, from few bytes to too many, half of it with the head of a query."""
    draw = random.Random(1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        for i in range(RANDOM_DATAGRAMS):
            rest = draw.randbytes(draw.choice((0, 1, 11, 12, 13, 40, 300, 1400)))
            head = query(i & 0xFFFF, POOL, A)[:draw.randrange(40)] if i % 2 else b""
            try:
                udp.sendto(head + rest, (server(i // 2 % NODES + 1), 53))
            except OSError:  # nobody listens there now
                pass
    print("sent")


def inside(space, *words, **more):
    return subprocess.Popen(["ip", "netns", "exec", space, *words], text=True, stdout=subprocess.PIPE,
                            stdin=subprocess.PIPE, **more)


def dig(space, *words):
    process = inside(space, "dig", "+tries=3", "+time=1", *words)
    return process.communicate()[0]


# --- The run ---


class Run:
    """Everything that was seen in one run with a node that loses power."""

    def __init__(self, keep):
        command = [BIN, "lab", "vip", "--mover", "linux-arp", "--fault", "power", "--nodes", str(NODES), "--delays",
                   "zero", "--lease-ms", str(LEASE_MS), "--json", "--keep", keep]
        lab = subprocess.Popen(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.prefix = f"atl{lab.pid}-"
        try:
            self.observe(lab)
            out, err = lab.communicate(timeout=RUN_LIMIT_S)
        finally:
            lab.poll() is None and lab.terminate()
        self.answers = [json.loads(line) for watcher in self.watchers
                        for line in watcher.communicate()[0].splitlines()]
        expect(lab.returncode == 0 and json.loads(out)["good"], f"the run itself: {err}")

    def observe(self, lab):
        spaces = [f"{self.prefix}1-client{i}" for i in (1, 2)]
        deadline = time.monotonic() + START_LIMIT_S
        while not all(os.path.exists(f"/run/netns/{space}") for space in spaces):
            expect(lab.poll() is None and time.monotonic() < deadline, "the laboratory does not come up")
            time.sleep(0.02)
        # One for each name server: to wait for a dead one takes time.
        self.watchers = [inside(spaces[0], sys.executable, __file__, "watch", str(node))
                         for node in range(1, NODES + 1)]
        # Until the pool is served: the first answer with all addresses.
        for line in self.watchers[0].stdout:
            answer = json.loads(line)
            if answer[2] == A and len(answer[4]) == ADDRESSES:
                break
        at = f"@{server(1)}"
        self.dig = {words: dig(spaces[1], at, *words.split()) for words in
                    (f"{POOL} A", f"{SERVICE} SRV", f"nobody.{ZONE} A", "elsewhere.example A", f"+tcp {POOL} A")}
        asker = inside(spaces[1], sys.executable, __file__, "turns", "1")
        self.heads = asker.communicate()[0].split()
        flooder = inside(spaces[1], sys.executable, __file__, "flood")
        self.flooded = flooder.communicate()[0].strip() == "sent"
        self.flood_ended = time.monotonic()

    def of(self, node, kind):
        return [answer for answer in self.answers if answer[1] == node and answer[2] == kind and answer[3] == NOERROR]

    def victim(self):
        """Whose name server fell silent long before the others'."""
        last = {node: max(a[0] for a in self.of(node, A)) for node in range(1, NODES + 1)}
        node = min(last, key=last.get)
        rest = min(t for n, t in last.items() if n != node)
        expect(rest - last[node] > 2 * ROUND_S + ANSWER_S, f"no name server fell silent: {last}")
        return node, last[node]


def data(answer):
    return [record[2] for record in answer[4]]


def check(run):
    victim, died = run.victim()
    survivors = [node for node in range(1, NODES + 1) if node != victim]
    with case("every answer has addresses of the pool alone, each once, for a short while"):
        for answer in run.answers:
            if answer[2] != A or answer[3] != NOERROR:
                continue
            expect(all(address.startswith("10.0.9.") for address in data(answer)), f"{data(answer)}")
            expect(len(set(data(answer))) == len(answer[4]) <= ADDRESSES, f"{data(answer)}")
            expect(all(record[1] == TTL_S for record in answer[4]), f"another time to live: {answer[4]}")
    with case("addresses take turns at the head of the answer"):
        expect(len(set(run.heads)) == ADDRESSES, f"begun with {run.heads}")
    with case("a node that lost power is listed no more, and its addresses are again once others have them"):
        for node in survivors:
            told = [{entry.split()[1] for entry in data(answer)} for answer in run.of(node, SRV)]
            full = [f"node{victim}" in nodes for nodes in told]
            expect(True in full, f"node{node} never listed node{victim}")
            expect(not full[-1], f"node{node} still lists node{victim} at the end")
            expect(told[-1] == {f"node{n}" for n in survivors}, f"node{node} lists {told[-1]} at the end")
            gone = full.index(False, full.index(True))
            expect(True not in full[gone:], f"node{node} listed node{victim} again")
            expect(len(run.of(node, A)[-1][4]) == ADDRESSES, f"node{node}: {data(run.of(node, A)[-1])}")
    with case("the name servers live through random datagrams"):
        expect(run.flooded, "the datagrams were not sent")
        for node in survivors:
            expect(any(answer[0] > run.flood_ended for answer in run.of(node, A)), f"node{node} fell silent")
    with case("dig sees the same: addresses, nodes, no such name, not ours, TCP"):
        pool = run.dig[f"{POOL} A"]
        expect("status: NOERROR" in pool and " aa" in pool and pool.count("10.0.9.") == ADDRESSES, pool)
        expect(f"\t{TTL_S}\tIN\tA\t10.0.9." in pool, pool)
        service = run.dig[f"{SERVICE} SRV"]
        expect(all(f"10 1 7471 node{n}.rdma.{POOL}." in service for n in range(1, NODES + 1)), service)
        expect("10.128.0.1" in service and "10.129.0.1" in service, service)
        expect("status: NXDOMAIN" in run.dig[f"nobody.{ZONE} A"], run.dig[f"nobody.{ZONE} A"])
        expect("status: REFUSED" in run.dig["elsewhere.example A"], run.dig["elsewhere.example A"])
        expect(run.dig[f"+tcp {POOL} A"].count("10.0.9.") == ADDRESSES, run.dig[f"+tcp {POOL} A"])


def main():
    if len(sys.argv) > 1:
        return {"watch": watch, "flood": flood, "turns": turns}[sys.argv[1]](*sys.argv[2:])
    with case("the resolver of this test reads records and names that point back"):
        message = query(7, POOL, SRV)[:6] + struct.pack(">3H", 1, 0, 0) + query(7, POOL, SRV)[12:]
        message += struct.pack(">3HIH", 0xC00C, SRV, 1, TTL_S, 14) + struct.pack(">3H", 10, 1, 7471) + b"\5node1\xc0\x0c"
        expect(parse(message)[0] == Answer(NOERROR, [(SRV, TTL_S, "10 node1")]), f"{parse(message)}")
    if not networks_can_be_made():
        print("# no root, no namespaces, no nft, or no egress hooks here: the name servers were not asked")
        finish()
    with tempfile.TemporaryDirectory() as keep:
        with case("a run with a name server on every node"):
            run = Run(str(Path(keep) / "logs"))
            check(run)
            left = [name for name in leftovers() if name.startswith(run.prefix)]
            expect(not left, f"left behind: {left}")
    finish()


if __name__ == "__main__":
    main()
