"""Checks what the agent saw of tls_work.py: `tls_check.py MESSAGES`."""
import re
import sys

CONNECTIONS = 8
ROUNDS = 5


def main():
    opened = {}  # fd -> what began there, in order
    plain = {}   # (fd, nth connection on it, direction) -> text
    encrypted_after = []
    for line in open(sys.argv[1], encoding="utf-8", errors="replace"):
        match = re.match(r"(\w+) pid=\d+ tid=\d+ fd=(-?\d+) \S+?(?: .*)? wire=\d+ len=(\d+) (.*)", line)
        if not match:
            continue
        kind, fd, length, payload = match[1], int(match[2]), int(match[3]), match[4]
        if kind in ("CONNECT", "ACCEPT"):
            opened.setdefault(fd, []).append(kind)
        key = (fd, len(opened.get(fd, [])))
        if kind in ("SSLOUT", "SSLIN") and length:
            plain.setdefault((*key, kind), []).append(payload)
        if kind in ("OUT", "IN") and length and (*key, "SSLOUT") in plain:
            encrypted_after.append(line)
    whole = {}
    for (fd, nth, kind), texts in plain.items():
        numbers = set(re.findall(r"request (\d+)\.", "".join(texts)))
        assert len(numbers) == 1, f"mixed on {fd}: {texts}"
        role = opened[fd][nth - 1]
        whole[(role, kind, numbers.pop())] = "".join(texts)
    for number in range(CONNECTIONS):
        asked = "".join(f"request {number}.{turn};" for turn in range(ROUNDS))
        answered = "".join(f"answer to request {number}.{turn};" for turn in range(ROUNDS))
        for role, kind, text in (
            ("CONNECT", "SSLOUT", asked),
            ("CONNECT", "SSLIN", answered),
            ("ACCEPT", "SSLIN", asked),
            ("ACCEPT", "SSLOUT", answered),
        ):
            got = whole.get((role, kind, str(number)))
            assert got == text, f"{role} {kind} {number}: {got!r}"
    assert not encrypted_after, encrypted_after[:3]


main()
