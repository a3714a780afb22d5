from typing import Any

from edgeemg.profiler.tflite_operators import partitions


def node(inputs: list[int], outputs: list[int]) -> dict[str, Any]:
    return {"inputs": inputs, "outputs": outputs}


# 0 -> a -> 1 -> b -> 2 -> c -> 3 -> d -> 4, with weights 9 for b and a branch of 1 into d
CHAIN = [node([0], [1]), node([1, 9], [2]), node([2], [3]), node([3, 1], [4])]


def test_without_a_delegate_nothing_is_taken() -> None:
    assert partitions(CHAIN, []) == {}


def test_one_partition_over_all_takes_all() -> None:
    assert partitions(CHAIN, [node([0, 9], [4])]) == {0: 0, 1: 0, 2: 0, 3: 0}


def test_an_operator_between_two_partitions_stays_outside() -> None:
    delegates = [node([0, 9], [1, 2]), node([3, 1], [4])]
    assert partitions(CHAIN, delegates) == {0: 0, 1: 0, 3: 1}


def test_an_operator_that_was_left_out_of_a_partition_around_it_stays_outside() -> None:
    assert partitions(CHAIN, [node([1, 3], [4])]) == {3: 0}


def test_an_input_that_is_left_out_of_a_node_leads_nowhere() -> None:
    assert partitions([node([0, -1], [1])], [node([0, -1], [1])]) == {0: 0}
