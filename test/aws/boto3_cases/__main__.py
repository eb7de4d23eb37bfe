"""Prints all cases as one line of JSON, then runs the case whose number comes on each line of the input."""

import json
import sys
import traceback

from . import binding, errors, life, pages, requests, virtual_network, waiters  # noqa: F401
from .bench import Bench, cases


def run(case):
    bench = Bench()
    try:
        case(bench)
    finally:
        bench.close()


def main():
    print(json.dumps([{"title": title, "page": page} for title, page, _ in cases]), flush=True)
    for line in sys.stdin:
        problem = None
        try:
            run(cases[int(line)][2])
        except Exception:
            problem = traceback.format_exc()
        print(json.dumps({"problem": problem}), flush=True)


main()
