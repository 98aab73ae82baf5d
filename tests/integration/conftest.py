import pytest

from world import World


@pytest.fixture
def world():
    w = World()
    try:
        yield w
    finally:
        w.close()


@pytest.fixture
def pair(world):
    return world.pair()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failed test shows the logs of the programs it drove."""
    report = (yield).get_result()
    w = item.funcargs.get("world") if hasattr(item, "funcargs") else None
    if report.when == "call" and report.failed and w:
        report.sections.append(("logs", w.logs()))
