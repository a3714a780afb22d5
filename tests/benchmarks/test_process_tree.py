import os
import subprocess
import sys
import time

import pytest

from benchmarks.process_tree import cpu_s, memory, tree

SPIN = "import time\nwhile time.process_time() < 0.3: pass\nprint('done', flush=True)\ninput()"


@pytest.fixture
def spun():
    """A process that has spent 0.3 s, and waits."""
    with subprocess.Popen(
        [sys.executable, "-c", SPIN], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "done\n"
        yield process
        process.kill()


def test_what_a_process_spends_is_its_own(spun) -> None:
    spent_s = cpu_s([spun.pid])
    assert 0.3 <= spent_s < 3
    time.sleep(0.1)
    assert cpu_s([spun.pid]) == pytest.approx(spent_s, abs=0.05)  # it waits, and we did not count


def test_the_times_of_several_are_added(spun) -> None:
    own_s = time.process_time()
    assert cpu_s([spun.pid, os.getpid()]) >= 0.3 + own_s


def test_a_tree_holds_the_children_and_theirs() -> None:
    code = "import subprocess, sys; subprocess.run(['sleep', '60'])"
    with subprocess.Popen([sys.executable, "-c", code]) as process:
        try:
            deadline = time.monotonic() + 30
            while len(found := list(tree(process.pid))) < 2 and time.monotonic() < deadline:
                time.sleep(0.02)
            assert found[0] == process.pid
            assert len(found) == 2
        finally:
            for pid in reversed(found):
                os.kill(pid, 9)


def test_memory_is_that_of_a_python(spun) -> None:
    held = memory([spun.pid])
    assert 3 < held.peak_rss_mb < 60
    assert 0 < held.pss_mb <= held.peak_rss_mb
    assert memory([spun.pid, spun.pid]).peak_rss_mb == pytest.approx(2 * held.peak_rss_mb)


def test_a_process_that_is_gone_is_an_os_error(spun) -> None:
    spun.kill()
    spun.wait()
    with pytest.raises(OSError, match=r"Invalid argument|No such process"):
        cpu_s([spun.pid])
