"""Warnings are kept quiet in several threads at a time, and afterwards shown as before."""

import os
import warnings
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

import pytest

from fieldguide.base.silence import without_warnings


def test_the_settings_come_back_whichever_thread_ends_first(recwarn: pytest.WarningsRecorder) -> None:
    before = list(warnings.filters)
    both, first_ended = Barrier(2), Event()

    def first() -> None:
        with without_warnings():
            both.wait(10)
        first_ended.set()

    def second() -> None:
        with without_warnings():
            both.wait(10)
            assert first_ended.wait(10)
            warnings.warn("of a decoder", UserWarning, stacklevel=1)

    with ThreadPoolExecutor(2) as pool:
        for thread in [pool.submit(first), pool.submit(second)]:
            thread.result()
    assert warnings.filters == before
    assert not recwarn.list
    warnings.warn("of something else", UserWarning, stacklevel=1)
    assert [str(warning.message) for warning in recwarn.list] == ["of something else"]


def test_they_come_back_after_an_error_and_in_blocks_within_blocks(recwarn: pytest.WarningsRecorder) -> None:
    before = list(warnings.filters)
    with pytest.raises(ZeroDivisionError), without_warnings(), without_warnings():
        _ = 1 / 0
    assert warnings.filters == before


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_process_does_not_wait_for_threads_that_it_does_not_have() -> None:
    before, inside, forked = list(warnings.filters), Event(), Event()

    def silent() -> None:
        with without_warnings():
            inside.set()
            assert forked.wait(10)

    with ThreadPoolExecutor(1) as pool:
        thread = pool.submit(silent)
        assert inside.wait(10)
        if not (child := os.fork()):
            with without_warnings():
                pass
            os._exit(int(warnings.filters != before))
        forked.set()
        thread.result()
    assert os.waitpid(child, 0)[1] == 0
