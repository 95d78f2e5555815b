"""A node without power, on the real controller: an alarm within seconds; its next start ends and proves it."""

from hil_tests.conftest import City, eventually

ALARMS = "/api/v1/alarms"


def test_a_node_cut_from_power_is_an_alarm_and_its_next_start_proves_that_it_is_back(city: City) -> None:
    node = city.display_name
    city.display.cut_power()
    alarm = eventually(
        "the alarm is open", lambda: next((a for a in city.controller.get(ALARMS)["alarms"] if a["node"] == node), None)
    )
    assert (alarm["kind"], alarm["severity"]) == ("offline", "bad")
    assert 'vuzol_alarms_open{severity="bad"} 1.0' in city.controller.text("/metrics")
    city.display.start()
    (ended,) = eventually(
        "it has ended by itself", lambda: city.controller.get(f"{ALARMS}/history?kind=offline&node={node}")["alarms"]
    )
    proof = ended["proof"]
    assert (ended["id"], ended["end"], proof["what"]) == (alarm["id"], "cleared", "boot")
    assert proof["seq"] > alarm["seq"]
    assert city.controller.records(node)[proof["seq"]] == proof["crc32"]
    eventually("no alarm is open", lambda: city.controller.get(ALARMS)["alarms"] == [])
