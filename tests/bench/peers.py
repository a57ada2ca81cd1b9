"""mailparser of npm, fetched into a folder of the caller's own; nothing of it is installed."""

import os
import shutil
import subprocess
import sys

MAILPARSER = "mailparser@3.14.2"


def fetch_mailparser(folder):
    """The environment in which node finds it."""
    if not shutil.which("npm"):
        sys.exit("npm is missing; install it with: samples/packages bench")
    subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", folder,
                    MAILPARSER], check=True)
    return os.environ | {"NODE_PATH": f"{folder}/node_modules"}
