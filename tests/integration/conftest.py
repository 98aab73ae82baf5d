import pytest

from world import SLOW, World


def pytest_configure(config):
    config.addinivalue_line("markers", "unsanitized: measures memory, or waits a minute for one small thing; left out of the sanitized run")


def pytest_collection_modifyitems(config, items):
    """What is marked so belongs to the plain run alone."""
    if SLOW != 1:
        items[:] = [item for item in items if not item.get_closest_marker("unsanitized")]


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
