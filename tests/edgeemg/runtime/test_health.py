from edgeemg.runtime.health import Health


def test_counters_start_at_0_and_latency_is_left_out_where_there_was_none() -> None:
    assert Health().summary() == {
        "samples": 0,
        "breaks": 0,
        "missing_samples": 0,
        "dropped_samples": 0,
        "waiting_samples": 0,
        "bridged_samples": 0,
        "unusable_samples": 0,
        "windows": 0,
        "untrusted_windows": 0,
        "decisions": 0,
    }


def test_latency_is_told_as_median_and_99th_percentile() -> None:
    health = Health(samples=7)
    health.recent_latency_ms.extend(range(101))
    assert health.summary() | {"latency_p50_ms": 50.0, "latency_p99_ms": 99.0} == health.summary()
    assert health.summary()["samples"] == 7


def test_latency_of_the_last_thousand_hops_only_is_kept() -> None:
    health = Health()
    health.recent_latency_ms.extend([1e9] * 500 + [1.0] * 1000)
    assert health.summary()["latency_p99_ms"] == 1.0


def test_two_runs_do_not_share_their_latencies() -> None:
    Health().recent_latency_ms.append(1.0)
    assert not Health().recent_latency_ms
