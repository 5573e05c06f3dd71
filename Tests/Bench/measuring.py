"""What the parts of the benchmark share: runs of the load generator, turns, counts of instructions, tables."""

import glob
import json
import os
import subprocess
import sys


def say(text=""):
    print(text, flush=True)


def table(rows):
    """Prints rows of texts, the first being the head, as Markdown."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for number, row in enumerate(rows):
        say("| " + " | ".join(text.rjust(width) for text, width in zip(row, widths)) + " |")
        if number == 0:
            say("|" + "|".join("-" * (width + 1) + ":" for width in widths) + "|")
    say()


def run_load(load, server, *arguments, keys):
    done = subprocess.run([load, *arguments, *server.load_arguments(keys)], stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(f"{server.name} answered wrongly: {done.stdout}")
    return json.loads(done.stdout)


def in_turns(servers, rounds, run):
    """What `run` says of each server, by its name and once a round; every other round goes the other way."""
    runs = {server.name: [] for server in servers}
    for turn in range(rounds):
        for server in servers if turn % 2 == 0 else servers[::-1]:
            runs[server.name].append(run(server))
    return runs


# MARK: Instructions

def without_debug_information(binary, folder):
    """Valgrind gives up on the debug information that this compiler writes; the names of functions stay."""
    bare = f"{folder}/dues-without-debug-information"
    subprocess.run(["objcopy", "--strip-debug", binary, bare], check=True)
    return bare


def callgrind(folder, name, shape):
    return ["valgrind", "--tool=callgrind", "--separate-threads=yes",
            f"--callgrind-out-file={profile(folder, name, shape)}"]


def profile(folder, name, shape):
    folder = os.environ.get("PROFILES", folder)
    return f"{folder}/callgrind.{name}.{'x'.join(map(str, shape)) if shape else 'none'}"


def instructions_of_first_thread(folder, name, shape):
    return total(profile(folder, name, shape) + "-01")


def instructions_of_all_threads(folder, name, shape):
    return sum(map(total, glob.glob(glob.escape(profile(folder, name, shape)) + "-*")))


def total(path):
    with open(path) as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("totals:"))
