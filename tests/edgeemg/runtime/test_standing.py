from edgeemg.runtime.standing import Standing


def test_each_change_is_told_once() -> None:
    told: list[str] = []
    standing = Standing("udp://host:1", told.append)
    standing.up()
    assert told == []
    for why in ("no route", "no route", "no name"):
        standing.down(why)
    assert told == ["sink udp://host:1: no route"]
    standing.up()
    standing.up()
    assert told[1:] == ["sink udp://host:1: works again, after 0 s"]
    standing.down("no name")
    assert told[2:] == ["sink udp://host:1: no name"]


def test_a_place_that_comes_and_goes_is_told_less_and_less() -> None:
    told: list[str] = []
    now_s = 0.0
    standing = Standing("mqtt", told.append, clock=lambda: now_s)
    for _ in range(100):
        now_s += 1.0
        standing.down("lost")
        standing.up()
    assert told.count("sink mqtt: lost") == 5
    assert len(told) == 2 * 6
    assert told[10] == "sink mqtt: lost (and 59 times before)"
    now_s += 120
    standing.down("lost")
    assert told[-1].startswith("sink mqtt: lost (and ")
    assert len(told) == 13


def test_an_outage_that_lasts_is_told_though_it_began_among_many() -> None:
    told: list[str] = []
    now_s = 0.0
    standing = Standing("mqtt", told.append, clock=lambda: now_s)
    for _ in range(8):
        now_s += 1.0
        standing.down("lost")
        standing.up()
    now_s = began_s = 9.0
    standing.down("lost")
    assert told.count("sink mqtt: lost") == 5
    assert len(told) == 10
    while now_s < 300:
        now_s += 1.0
        standing.down("no route")
    assert told[10:] == ["sink mqtt: no route (and 3 times before)"]
    standing.up()
    assert told[11:] == [f"sink mqtt: works again, after {now_s - began_s:.0f} s"]
