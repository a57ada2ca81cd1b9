#!/usr/bin/python3
"""tests/bench/parse_peer.py MESSAGES SIZES: what bench_parse does, with Python's own library."""

import email
import email.policy
import pathlib
import sys
import time


def decode(part):
    try:
        part.get_content()
    except (LookupError, ValueError):  # a charset or bytes that it does not know
        part.get_payload(decode=True)


def main():
    sizes = [int(size) for size in pathlib.Path(sys.argv[2]).read_text().split()]
    with open(sys.argv[1], "rb") as messages:
        begin = time.process_time()
        for size in sizes:
            message = email.message_from_bytes(messages.read(size), policy=email.policy.default)
            for part in message.walk():
                if not part.is_multipart():
                    decode(part)
        print(time.process_time() - begin)


if __name__ == "__main__":
    main()
