#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
"""docs/write-a-reflex.md, followed to the letter: its blocks for the host, with this build's compiler, program and headers.

Those for the guest are run by selftests/kernel/guide.sh, with the object that `test_guide.py --in DIR` leaves in DIR.
"""

import os
import re
import subprocess
import sys
import tempfile
import unittest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True
sys.path.insert(0, f"{TOP}/scripts")
# pylint: disable=wrong-import-position
from labkit import BUILD, tap  # noqa: E402

GUIDE = f"{TOP}/docs/write-a-reflex.md"
BLOCK = re.compile(r"^```sh (\w+)\n(.*?)^```\n(?:^```text\n(.*?)^```\n)?", re.MULTILINE | re.DOTALL)


def blocks():
    """(where it is run, its lines, what it says or None) for each."""
    with open(GUIDE, encoding="utf-8") as file:
        return [found.groups() for found in BLOCK.finditer(file.read())]


def environment(directory):
    """homeostat in the path, as if it were installed: the build tree has its headers elsewhere."""
    with open(f"{BUILD}/deps/config.mk", encoding="utf-8") as file:
        clang = re.search(r"^CLANG := (.*)$", file.read(), re.MULTILINE)[1]
    os.mkdir(f"{directory}/bin")
    with open(f"{directory}/bin/homeostat", "w", encoding="utf-8") as file:
        file.write(f"""#!/bin/sh
[ "$1 $2" != 'policy build' ] || exec {BUILD}/homeostat "$@" --include {BUILD}/include
[ "$1 $2" != 'policy link' ] || exec {BUILD}/homeostat "$@" --include {BUILD}/include --lib {BUILD}
exec {BUILD}/homeostat "$@"
""")
    os.chmod(f"{directory}/bin/homeostat", 0o755)
    return {**os.environ, "CLANG": clang, "PATH": f"{directory}/bin:{os.environ['PATH']}"}


def follow(work, check):
    """Runs the host's blocks in `work`, one after the other; check(block, its output or None, what the guide has, exit code)."""
    with tempfile.TemporaryDirectory() as beside:
        env = environment(beside)
        for where, lines, text in blocks():
            if where != "host":
                continue
            done = subprocess.run(["/bin/sh", "-e", "-c", lines], cwd=work, env=env, text=True, check=False, timeout=100,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            check(lines, done.stdout, text or "", done.returncode)


class Guide(unittest.TestCase):
    def test_blocks(self):
        kinds = [where for where, _, _ in blocks()]
        self.assertEqual(set(kinds), {"host", "guest"})
        with open(GUIDE, encoding="utf-8") as file:
            self.assertEqual(file.read().count("```sh"), len(kinds), "a block that is not seen")

    def test_followed_on_the_host(self):
        def same(lines, said, text, code):
            self.assertEqual(code, 0, f"{lines}\n{said}")
            self.assertEqual(said, text, lines)

        with tempfile.TemporaryDirectory() as work:
            follow(work, same)
            self.assertTrue(os.path.exists(f"{work}/prompt.bpf.o"))
            self.assertFalse(os.path.exists(f"{work}/clock.bpf.o"))


def leave(directory):
    def fine(lines, said, _, code):
        if code:
            sys.exit(f"{GUIDE}: exit code {code} of\n{lines}\n{said}")

    for name in os.listdir(directory):
        os.remove(f"{directory}/{name}")
    follow(directory, fine)


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1] == "--in":
        leave(sys.argv[2])
    else:
        tap.main(sys.modules[__name__])
