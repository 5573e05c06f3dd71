"""Runs the stories against the sandbox at SANDBOX_URL, then says what shapes and which endpoints they did not find right.

    python run.py [NAME...]

Without names: every story of this folder. Exit status 1 where a story fails, an object is not shaped as Stripe's, or (with
all stories) an endpoint in scope was never answered.
"""

import collections
import pathlib
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent


def stories(names):
    sys.path.insert(0, str(HERE))
    return unittest.defaultTestLoader.loadTestsFromNames(names or sorted(file.stem for file in HERE.glob("test_*.py")))


def look_at_events():
    """Holds the sandbox's events to Stripe's shapes, those too that no story read: the latest of each type."""
    import support
    import watching

    seen, last = collections.Counter(), ""
    while True:
        page = support.sandbox("GET", f"/v1/events?limit=100{last}")
        for event in page["data"]:
            seen[event["type"]] += 1
            if seen[event["type"]] <= 20:
                watching.hold(event, f"an event {event['type']}")
        if not page["has_more"]:
            return seen
        last = f"&starting_after={page['data'][-1]['id']}"


def main():
    import watching

    result = unittest.TextTestRunner(stream=sys.stdout, verbosity=1).run(stories(sys.argv[1:]))
    events = look_at_events()
    print(f"{sum(events.values())} events of {len(events)} types happened")
    print(f"{len(watching.answered)} different calls were answered")
    if watching.known_shapes:
        print(f"{len(watching.known_shapes.seen)} different objects were looked at")
    else:
        print(f"SKIPPED: the shapes of objects: {watching.SHARED} is not here")
    for problem, count in sorted(watching.problems.items()):
        print(f"SHAPE: {problem} ({count} times, first in {watching.first_seen[problem]})")
    unreached = [] if sys.argv[1:] else watching.unreached()
    for endpoint in unreached:
        print(f"UNREACHED: {endpoint}")
    sys.exit(not result.wasSuccessful() or bool(watching.problems) or bool(unreached))


if __name__ == "__main__":
    main()
